// Bundles app.css, app.js and the favicon into ../static/dist under names that hold their digest, and says so in manifest.json.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "static", "dist");

async function bundle(entry) {
  const result = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    write: false,
    outdir: dist,
    format: extname(entry) === ".js" ? "iife" : undefined,
    target: ["chrome120", "firefox120", "safari17"],
    legalComments: "none",
    logLevel: "warning",
  });
  return result.outputFiles[0].contents;
}

function hashedName(name, body) {
  const digest = createHash("sha256").update(body).digest("hex").slice(0, 12);
  const kind = extname(name);
  return `${name.slice(0, -kind.length)}-${digest}${kind}`;
}

const manifest = {};
await mkdir(dist, { recursive: true });
for (const [name, make] of [["app.css", bundle], ["app.js", bundle], ["favicon.svg", (file) => readFile(join(here, file))]]) {
  const body = await make(name);
  manifest[name] = hashedName(name, body);
  await writeFile(join(dist, manifest[name]), body);
}
// A server may start in the middle of a build: it sees the old manifest or the new one, and never one without its files.
await writeFile(join(dist, ".manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
await rename(join(dist, ".manifest.json"), join(dist, "manifest.json"));
const kept = new Set(["manifest.json", ".built", ...Object.values(manifest)]);
for (const name of await readdir(dist)) if (!kept.has(name)) await rm(join(dist, name));
