// The pages: address, title, place in the navigation, module. A page's module exports one component as default.

/** @type {import("./router.js").Page[]} */
export const PAGES = [
  { path: "/", title: "Board", nav: { label: "board", icon: "board", key: "d" }, load: () => import("../pages/board.js") },
  { path: "/board/:id", title: "Board", load: () => import("../pages/board.js") },
  { path: "/start", title: "Start", nav: { label: "start", icon: "start", key: "s" }, load: () => import("../pages/start.js") },
  { path: "/sessions", title: "Sessions", nav: { label: "sessions", icon: "sessions", key: "h" }, load: () => import("../pages/sessions.js") },
  { path: "/results", title: "Results", nav: { label: "results", icon: "results", key: "b" }, load: () => import("../pages/results.js") },
  { path: "/results/:id", title: "Report", load: () => import("../pages/report.js") },
  { path: "/compare", title: "Compare", load: () => import("../pages/compare.js") },
];
