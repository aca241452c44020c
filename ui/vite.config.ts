import { defineConfig } from "vite";

// `npm run dev` shows the pages over a server that runs already: the mock's, or a real one.
const behind = process.env.BUSTA_URL ?? "http://127.0.0.1:8790";

export default defineConfig({
  // Vite 8 makes JSX with Oxc, which reads `jsxImportSource` from tsconfig.json.
  build: {
    // The oldest browsers that know `light-dark()`.
    target: ["chrome123", "firefox121", "safari17.5"],
    // The policy forbids `data:` for everything but images, and small assets are worth a request.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: { "/api": behind, "/health": behind, "/ready": behind },
  },
  test: { include: ["src/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
