// Sending a file with its progress, which `fetch` does not tell.

import { Refused, csrfToken } from "./api.js";

/**
 * Sends a file to be imported. `progress` is called with the share that was sent, 1 when the daemon reads it.
 * @param {File} file @param {(share: number) => void} progress
 * @returns {{done: Promise<any>, stop: () => void}}
 */
export function sendFile(file, progress) {
  const request = new XMLHttpRequest();
  const done = (async () => {
    const token = await csrfToken();
    return new Promise((resolve, reject) => {
      request.open("POST", `/api/data-collection/import?name=${encodeURIComponent(file.name)}`);
      request.setRequestHeader("Content-Type", "application/octet-stream");
      request.setRequestHeader("X-CSRF-Token", token);
      request.upload.onprogress = (event) => progress(event.loaded / Math.max(1, event.total));
      request.upload.onload = () => progress(1);
      request.onload = () => {
        let body = null;
        try { body = JSON.parse(request.responseText); } catch { /* a proxy's page */ }
        if (request.status >= 200 && request.status < 300) resolve(body?.data); else reject(new Refused(request.status, body));
      };
      request.onerror = request.onabort = () => reject(new Refused(0, null));
      request.send(file);
    });
  })();
  return { done, stop: () => request.abort() };
}
