// Login, and the first admin of a daemon without users.

import { html, useState } from "../core/view.js";
import { post } from "../core/api.js";
import { words } from "../core/words.js";
import { Field } from "../parts/ui.js";

/** @param {{isSetup: boolean, isLost: boolean, onEntered: () => Promise<void>}} props */
export function Entrance({ isSetup, isLost, onEntered }) {
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async (/** @type {any} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setError("");
    try {
      await post(isSetup ? "/api/v1/auth/setup" : "/api/v1/auth/login", Object.fromEntries(new FormData(event.target)));
      await onEntered();
    } catch (refused) {
      const { message, problems = [] } = /** @type {any} */ (refused);
      const rest = problems.filter((/** @type {any} */ one) => !message.includes(one.problem)).map((/** @type {any} */ one) => one.problem);
      setError([message, ...rest].join("\n"));
      setBusy(false);
    }
  };
  const text = words.entrance;
  return html`<main class="entrance"><form onSubmit=${submit} aria-label=${isSetup ? text.setup : text.login}>
    <div class="brand"><img src="/console/icon.svg" alt="" /><b>${words.product}</b></div>
    <div><h1>${isSetup ? text.setup : text.login}</h1>${isSetup && html`<p class="quiet">${text.setupAbout}</p>`}
      ${isLost && html`<p class="warn">${text.lost}</p>`}</div>
    ${isSetup && html`<${Field} label=${text.code}><input class="input mono" name="code" required autocomplete="one-time-code" autofocus /><//>`}
    <${Field} label=${text.user}><input class="input" name="username" required autocomplete="username" autofocus=${!isSetup} /><//>
    <${Field} label=${isSetup ? text.newPassword : text.password}>
      <input class="input" name="password" type="password" required autocomplete=${isSetup ? "new-password" : "current-password"} /><//>
    ${error && html`<p class="callout bad error" role="alert">${error}</p>`}
    <button class="button primary" disabled=${isBusy}>${isSetup ? text.make : text.enter}</button>
  </form></main>`;
}
