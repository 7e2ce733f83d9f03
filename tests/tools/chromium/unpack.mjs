// Unpacks the Chromium that @sparticuz/chromium carries into the folder given: browser, libraries and a font.
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { execFileSync } from "node:child_process";
import { join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { createBrotliDecompress } from "node:zlib";

const folder = resolve(process.argv[2]);
const packed = join(folder, "node_modules/@sparticuz/chromium/bin");
const unpack = (name, to) => pipeline(createReadStream(join(packed, `${name}.br`)), createBrotliDecompress(), createWriteStream(to));

for (const archive of ["al2023.tar", "fonts.tar"]) {
  const file = join(folder, archive);
  await unpack(archive, file);
  execFileSync("tar", ["--extract", "--no-same-owner", "--directory", folder, "--file", file]);
  await rm(file);
}
const fonts = `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>${folder}/fonts</dir><cachedir>${folder}/fonts-cache</cachedir></fontconfig>`;
await writeFile(join(folder, "fonts.conf"), fonts);
const part = join(folder, "chromium.part");
await unpack("chromium", part);
await chmod(part, 0o755);
// Last, so that it is there only when everything is.
await rename(part, join(folder, "chromium"));
