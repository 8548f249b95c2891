// Build and test settings. Relative base: the page works behind any path prefix.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const gateway = process.env['GATEWAY'] ?? 'http://127.0.0.1:8686';

export default defineConfig({
  base: './',
  plugins: [svelte()],
  build: { target: 'es2022', assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { proxy: { '/api': gateway } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
