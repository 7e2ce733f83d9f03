// Drives a headless Chromium: a JSON command a line on standard input, a JSON answer a line on standard output; ends with its input.
// Usage: driver.mjs TOOLS EXECUTABLE, where TOOLS holds node_modules.
import { createRequire } from "node:module";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const [tools, executablePath] = process.argv.slice(2).map((path, place) => (place ? path : resolve(path)));
const { chromium } = createRequire(join(tools, "package.json"))("playwright-core");
// What was unpacked brings its own libraries and font; an installed one must not get them.
const own = existsSync(join(tools, "lib")) && executablePath.startsWith(tools);
const env = own ? { ...process.env, LD_LIBRARY_PATH: join(tools, "lib"), FONTCONFIG_FILE: join(tools, "fonts.conf") } : process.env;
const args = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const browser = await chromium.launch({ executablePath, env, args: args.split(" "), headless: true });
const page = await (await browser.newContext({ viewport: { width: 1200, height: 900 } })).newPage();
page.setDefaultTimeout(20_000);
const told = { errors: [], requests: [] };
page.on("console", (message) => message.type() === "error" && told.errors.push(message.text()));
page.on("pageerror", (error) => told.errors.push(String(error)));
page.on("request", (request) => told.requests.push(request.url()));

// Asked again and again from outside: the page's own policy lets nobody evaluate anything inside.
const until = async (script) => {
  for (const began = Date.now(); !(await page.evaluate(script)); ) {
    if (Date.now() - began > 20_000) throw new Error(`it never happened: ${script}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
  return null;
};

const commands = {
  open: ({ url }) => page.goto(url).then(() => null),
  evaluate: ({ script }) => page.evaluate(script),
  until: ({ script }) => until(script),
  click: ({ selector }) => page.click(selector),
  press: ({ key }) => page.keyboard.press(key),
  look: ({ width, height, dark }) => Promise.all([page.setViewportSize({ width, height }), page.emulateMedia({ colorScheme: dark ? "dark" : "light" })]).then(() => null),
  picture: ({ path, whole }) => page.screenshot({ path, fullPage: whole, animations: "disabled" }).then(() => null),
  tree: ({ selector }) => page.locator(selector).ariaSnapshot(),
  told: async () => told,
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  const answer = await commands[command](rest).then((value) => ({ value: value ?? null }), (error) => ({ error: String(error) })).catch(String);
  console.log(JSON.stringify(answer));
}
await browser.close();
