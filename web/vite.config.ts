import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// `npm run dev` sends what is not ours to a service that runs (see README.md).
const service = process.env.ROWCAST_URL ?? "http://localhost:8080";
const proxy = Object.fromEntries(["/v1", "/docs", "/openapi.json", "/problems"].map((path) => [path, { target: service }]));

/** The service serves these where a browser takes them, so that it need not compress by itself. */
const compressed: Plugin = {
  name: "compressed",
  apply: "build",
  closeBundle() {
    const folder = fileURLToPath(new URL("./dist/assets", import.meta.url));
    for (const name of readdirSync(folder).filter((each) => /\.(js|css|svg)$/.test(each))) {
      writeFileSync(join(folder, `${name}.gz`), gzipSync(readFileSync(join(folder, name)), { level: 9 }));
    }
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), compressed],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  server: { proxy },
  // As the service does, so that what it would not allow fails here too.
  preview: { proxy, headers: { "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'" } },
  build: {
    // The content security policy takes files of our own alone, so nothing may be written into another file as data.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"], setupFiles: ["src/test-setup.ts"], restoreMocks: true, testTimeout: 60_000 },
});
