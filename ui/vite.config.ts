import react from "@vitejs/plugin-react";
import { createServer, type Plugin, type Rolldown } from "vite";
import { defineConfig } from "vitest/config";

const ENTRY = new URL("./src/app/main.tsx", import.meta.url).pathname;

/** What the entry reaches without a dynamic import: one file, since each costs a round trip before the first content. */
function first(): (id: string, graph: Rolldown.ChunkingContext) => string | null {
  const reached = new Set<string>();
  return (id, graph) => {
    if (reached.size === 0) {
      const waiting = [ENTRY];
      for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
        if (reached.has(at)) continue;
        reached.add(at);
        waiting.push(...(graph.getModuleInfo(at)?.importedIds ?? []));
      }
    }
    return reached.has(id) ? "first" : null;
  };
}

/** Puts the frame that `First.tsx` draws into index.html, so that it is painted before any script has run. */
function firstPaint(): Plugin {
  return {
    name: "first-paint",
    apply: "build",
    async transformIndexHtml(html) {
      const server = await createServer({
        configFile: false,
        logLevel: "error",
        appType: "custom",
        server: { middlewareMode: true, hmr: false, watch: null },
        optimizeDeps: { noDiscovery: true },
        plugins: [react()],
      });
      try {
        const { first } = await server.ssrLoadModule("/src/app/First.tsx");
        return html.replace("<!--first-->", await first());
      } finally {
        await server.close();
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), firstPaint()],
  clearScreen: false,
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
  build: {
    target: ["es2022", "safari16"],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 900,
    rolldownOptions: {
      output: { codeSplitting: { groups: [{ name: first(), debugName: "first" }] } },
    },
  },
  test: {
    environment: "jsdom",
    globals: true,
    setupFiles: ["src/lib/setup.test-env.ts"],
    css: { modules: { classNameStrategy: "non-scoped" } },
    restoreMocks: true,
  },
});
