import { defineConfig } from "vite";

// The output has the same names and the same bytes at each build: it is checked in.
export default defineConfig({
  base: "./",
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    modulePreload: false,
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      output: { entryFileNames: "page.js", chunkFileNames: "[name].js", assetFileNames: "page[extname]", codeSplitting: false },
    },
  },
});
