import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const GATEWAY = process.env['JOBYARD_URL'] ?? 'http://127.0.0.1:8080'

/** `npm run dev` serves the sources and passes on to a running platform what is not a page. */
export default defineConfig({
    plugins: [vue()],
    resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
    define: { __VUE_I18N_FULL_INSTALL__: false, __VUE_I18N_LEGACY_API__: false, __INTLIFY_PROD_DEVTOOLS__: false },
    build: { target: 'es2024', assetsInlineLimit: 0, modulePreload: { polyfill: false }, reportCompressedSize: false },
    worker: { format: 'es' },
    server: { proxy: { '/api': { target: GATEWAY, changeOrigin: false }, '/grafana': GATEWAY } },
    test: { environment: 'happy-dom', css: true, include: ['src/**/*.test.ts'], restoreMocks: true },
})
