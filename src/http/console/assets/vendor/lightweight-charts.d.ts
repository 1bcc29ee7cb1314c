// What the console uses of Lightweight Charts, for the checker only.
export const AreaSeries: any, CandlestickSeries: any, HistogramSeries: any, LineSeries: any;
export const ColorType: any, CrosshairMode: any, LineStyle: any, LineType: any;
export function createChart(into: HTMLElement, options: any): any;
export function createSeriesMarkers(series: any, marks: any[]): any;
