import { html } from "../core/view.js";
import { Empty, PageHead } from "../parts/ui.js";
export default function Page() { return html`<${PageHead} title="…" /><${Empty} title="Being built" />`; }
