// Strategies, recordings and operations: editing with preview, marking a pump, looking after the daemon.

import { assert, check, visit } from "./harness.mjs";

const saved = (page) => page.waitForSelector(".notice.good");

/** A strategy is written from an old one: problems at their rows, a preview in under a second, versions. */
export async function strategies(page) {
  await check("a strategy is edited with problems at their rows and a preview on recorded data", async () => {
    await visit(page, "#/strategies");
    await page.fill("input[type=search]", "minute_breakout");
    await page.waitForFunction(() => document.querySelectorAll("tbody tr.link").length <= 2);
    await page.getByRole("link", { name: "minute_breakout", exact: true }).click();
    await page.waitForSelector(".preview .traded");
    const threshold = page.locator("#s1_signal .rule input[data-path$='/value']").first();
    await threshold.waitFor();
    const before = await threshold.inputValue();
    // Not a number: the row says so.
    await threshold.fill("many");
    await page.waitForSelector("#s1_signal .rule.bad .problems li");
    // A threshold that is always met; the preview follows by itself.
    const asked = page.waitForResponse((answer) => answer.url().endsWith("/api/preview") && answer.status() === 200);
    await threshold.fill(before);
    const answer = (await (await asked).json()).data;
    await page.waitForSelector("#s1_signal .rule:not(.bad)");
    assert.equal(await page.locator("#s1_signal .problems li").count(), 0);
    assert.ok(answer.elapsed_ms < 1000, `${answer.elapsed_ms} ms`);
    return `${answer.events} events in ${Math.round(answer.elapsed_ms)} ms, ${answer.counts.signals} signals`;
  });
  await check("a strategy is saved as a version, compared, restored; JSON and rules are the same document", async () => {
    await page.getByLabel("Description", { exact: true }).fill("changed by a test");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await saved(page);
    await page.waitForFunction(() => document.querySelector(".head")?.textContent.includes("Version 2"));
    await page.getByRole("button", { name: "Versions", exact: true }).click();
    await page.waitForSelector(".differences");
    assert.match(await page.innerText(".differences"), /description/);
    await page.getByRole("button", { name: "Restore" }).click();
    await page.getByRole("button", { name: "JSON", exact: true }).click();
    const text = await page.inputValue("textarea.json");
    assert.ok(!text.includes("changed by a test") && JSON.parse(text).s1_signal);
    await page.fill("textarea.json", text.replace(/"description": "[^"]*"/, "\"description\": \"from the text\""));
    await page.getByRole("button", { name: "Rules", exact: true }).click();
    assert.equal(await page.getByLabel("Description", { exact: true }).inputValue(), "from the text");
    await page.getByRole("button", { name: "Discard changes" }).click();
  });
}

/** A recording with its coverage; a pump is marked on its chart and exported. */
export async function recordings(page, demo) {
  await check("a pump is marked on the chart of a recording, kept, exported and deleted", async () => {
    await visit(page, "#/recordings");
    await page.locator("tbody tr.link").last().locator("a").first().click();
    await page.waitForSelector(".coverage-heat td.c4");
    await page.waitForSelector(".recording-chart canvas");
    await page.getByRole("button", { name: "Mark a pump" }).click();
    const box = await page.locator(".recording-chart").boundingBox();
    for (const part of [0.3, 0.4, 0.6]) {
      await page.mouse.move(box.x + box.width * part, box.y + box.height / 2);
      await page.mouse.click(box.x + box.width * part, box.y + box.height / 2);
    }
    await page.getByRole("button", { name: "Save label" }).click();
    await saved(page);
    const row = page.locator("table[aria-label='Pump labels'] tbody tr");
    await row.first().getByRole("button", { name: "Delete" }).waitFor();
    const href = await page.getByRole("link", { name: "Labels as CSV" }).getAttribute("href");
    const csv = await page.evaluate(async (path) => (await fetch(path)).text(), href);
    assert.match(csv.split("\n")[1], /,manual,/, demo.url);
    await row.first().getByRole("button", { name: "Delete" }).click();
    await page.getByText("No pump is marked yet.").waitFor();
  });
  await check("a file with a bad row is refused with its place, and a good one is imported", async () => {
    await visit(page, "#/recordings");
    const upload = async (text) => {
      await page.getByRole("button", { name: "Upload", exact: true }).first().click();
      await page.setInputFiles("[role=dialog] input[type=file]", { name: "TEST_USDT.trades.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
      await page.locator("[role=dialog]").getByRole("button", { name: "Upload", exact: true }).click();
    };
    const rows = ["timestamp_us,symbol,price,quantity,side", "1700000000000000,TEST_USDT,1.5,2,buy", "1700000001000000,TEST_USDT,x,2,sell"];
    await upload(rows.join("\n"));
    await page.waitForSelector("[role=dialog] .callout.bad");
    assert.match(await page.innerText("[role=dialog] .callout.bad"), /^TEST_USDT.trades.csv, line 3/);
    await page.keyboard.press("Escape");
    await upload(rows.join("\n").replace(",x,", ",1.6,"));
    await page.waitForSelector(".coverage-heat");
    await page.getByRole("button", { name: "Delete", exact: true }).first().click();
    await page.locator("[role=dialog]").getByRole("button", { name: "Delete" }).click();
    await page.waitForFunction(() => location.hash === "#/recordings");
  });
}

/** Health with reasons, configuration, users, logins, log. */
export async function operations(page) {
  await check("operations shows readiness, configuration, users, logins and the log", async () => {
    await visit(page, "#/operations");
    await page.waitForSelector(".part");
    assert.ok(await page.locator(".part").count() >= 4);
    const tab = (name) => page.locator("main > .segments").getByRole("button", { name, exact: true }).click();
    await tab("Configuration");
    await page.fill("main input[type=search]", "daily_loss");
    assert.match(await page.innerText("table[aria-label='In force']"), /daily_loss_pct/);
    await tab("Users");
    await page.getByRole("button", { name: "Add user" }).click();
    await page.locator("[role=dialog] input").first().fill("tester");
    await page.locator("[role=dialog] input[type=password]").fill("short");
    await page.locator("[role=dialog] button[type=submit]").click();
    await page.waitForSelector("[role=dialog] .problem");
    await page.locator("[role=dialog] input[type=password]").fill("long enough for a test");
    await page.locator("[role=dialog] button[type=submit]").click();
    await page.locator("tbody").getByText("tester", { exact: true }).waitFor();
    await tab("Logins");
    await page.getByText("this one").waitFor();
    await tab("Log");
    await page.waitForSelector("section[aria-label=Log]");
  });
}
