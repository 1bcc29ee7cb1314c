// The pages: address, title, place in the navigation, module. A page's module exports one component as default.

/** @type {import("./router.js").Page[]} */
export const PAGES = [
  { path: "/", title: "Board", nav: { label: "board", icon: "board", key: "d" }, load: () => import("../pages/board.js") },
  { path: "/board/:id", title: "Board", load: () => import("../pages/board.js") },
  { path: "/start", title: "Start", nav: { label: "start", icon: "start", key: "s" }, load: () => import("../pages/start.js") },
  { path: "/sessions", title: "Sessions", nav: { label: "sessions", icon: "sessions", key: "h" }, load: () => import("../pages/sessions.js") },
  { path: "/results", title: "Results", nav: { label: "results", icon: "results", key: "b" }, load: () => import("../pages/results.js") },
  { path: "/results/:id", title: "Report", load: () => import("../pages/report.js") },
  { path: "/strategies", title: "Strategies", nav: { label: "strategies", icon: "strategies", key: "t" }, load: () => import("../pages/strategies.js") },
  { path: "/strategies/:id", title: "Strategy", load: () => import("../pages/strategy.js") },
  { path: "/recordings", title: "Recordings", nav: { label: "recordings", icon: "recordings", key: "r" }, load: () => import("../pages/recordings.js") },
  { path: "/recordings/:id", title: "Recording", load: () => import("../pages/recording.js") },
  { path: "/operations", title: "Operations", nav: { label: "operations", icon: "operations", key: "o" }, load: () => import("../pages/operations.js") },
  { path: "/compare", title: "Compare", load: () => import("../pages/compare.js") },
];
