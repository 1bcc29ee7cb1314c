"use strict";
// Sorts a table by the clicked column: by data-v where a cell has one, else by its text. Missing values go last.
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("th button").forEach((button, column) => {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const down = head.getAttribute("aria-sort") !== "descending";
      table.querySelectorAll("th").forEach((th) => th.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => {
        const cell = row.cells[column];
        const number = cell.dataset.v === undefined ? NaN : Number(cell.dataset.v);
        return Number.isNaN(number) ? cell.textContent.trim() : number;
      };
      const body = table.tBodies[0];
      const rows = Array.from(body.rows, (row) => [value(row), row]);
      rows.sort(([a], [b]) => {
        if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
        const order = typeof a === "number" ? a - b : a.localeCompare(b);
        return down ? -order : order;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}
