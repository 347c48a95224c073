// Bundles what the pages load into one script and one style sheet, with a hash of the content in each name,
// and compresses both. Called by build.rs: node bundle.mjs NODE_MODULES OUTPUT
import { createRequire } from "node:module";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const [modules, output] = process.argv.slice(2).map((path) => resolve(path));
const here = dirname(fileURLToPath(import.meta.url));
const esbuild = createRequire(join(modules, "x.js"))("esbuild");

rmSync(output, { recursive: true, force: true });
mkdirSync(output, { recursive: true });
await esbuild.build({
  absWorkingDir: here,
  entryPoints: { panel: "src/panel.ts", style: "src/style.css" },
  nodePaths: [modules],
  outdir: output,
  entryNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "iife",
  // What knows `light-dark()`, `:has()` and nesting.
  target: ["chrome123", "firefox120", "safari17.5"],
  legalComments: "none",
  logLevel: "warning",
});
for (const name of readdirSync(output)) {
  const plain = readFileSync(join(output, name));
  writeFileSync(join(output, `${name}.gz`), gzipSync(plain, { level: 9 }));
  const quality = { [constants.BROTLI_PARAM_QUALITY]: 11 };
  writeFileSync(join(output, `${name}.br`), brotliCompressSync(plain, { params: quality }));
}
