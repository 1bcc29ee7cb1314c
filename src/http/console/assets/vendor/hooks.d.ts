// What the console uses of Preact's hooks, for the checker only.
type Effect = () => void | undefined | (() => void);
export function useState<T>(initial: T | (() => T)): [T, (next: T | ((before: T) => T)) => void];
export function useReducer<T>(reduce: (before: T, action: any) => T, initial: T): [T, (action: any) => void];
export function useEffect(effect: Effect, inputs?: any[]): void;
export function useLayoutEffect(effect: Effect, inputs?: any[]): void;
export function useRef<T>(initial: T): { current: T };
export function useMemo<T>(make: () => T, inputs: any[]): T;
export function useCallback<T>(action: T, inputs: any[]): T;
