import { fileURLToPath } from 'node:url';
import type { NextConfig } from 'next';

const DEFAULT_GATEWAY_PORT = '4801';
// Read here and not through the settings: it is baked into the build, before a platform with settings exists.
const gatewayPort = process.env.GATEWAY_PORT || DEFAULT_GATEWAY_PORT;
const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

const config: NextConfig = {
  // The rewrite's target is part of the build, so that a build for another port lives beside the default one.
  distDir: gatewayPort === DEFAULT_GATEWAY_PORT ? '.next' : `.next-${gatewayPort}`,
  poweredByHeader: false,
  reactStrictMode: true,
  outputFileTracingRoot: repositoryRoot,
  turbopack: {
    root: repositoryRoot,
    // monaco-vim asks for the editor by the name that its files had until 0.53.
    resolveAlias: { 'monaco-editor/esm/vs/editor/editor.api': 'monaco-editor/editor/editor.api.js' },
  },
  transpilePackages: [
    '@plumbline/api',
    '@plumbline/config',
    '@plumbline/core',
    '@plumbline/database',
    '@plumbline/datasets',
    '@plumbline/protocol',
    '@plumbline/recording',
    '@plumbline/screens',
    '@plumbline/storage',
    '@plumbline/ui',
  ],
  serverExternalPackages: [
    'pg',
    'pg-boss',
    '@node-rs/argon2',
    '@prisma/client',
    '@prisma/adapter-pg',
    '@secretlint/core',
    '@secretlint/secretlint-rule-preset-recommend',
    // As Node has them: a bundle would take the forms that are for pages.
    '@xterm/addon-unicode11',
    '@xterm/headless',
  ],
  // `npm run check` checks the types of the whole repository with one compiler; a build does not do it again.
  typescript: { ignoreBuildErrors: true },
  experimental: {
    // TypeScript 7 has no JavaScript interface that the build could load; its command line is all that Next needs.
    useTypeScriptCli: true,
    // Pages answer 403 with a page of their own.
    authInterrupts: true,
  },
  // Upgrades included: one public port serves the pages and the gateway.
  rewrites: async () => [{ source: '/realtime/:path*', destination: `http://127.0.0.1:${gatewayPort}/realtime/:path*` }],
  headers: async () => [
    {
      source: '/:path*',
      headers: [
        { key: 'X-Content-Type-Options', value: 'nosniff' },
        { key: 'X-Frame-Options', value: 'DENY' },
        { key: 'Referrer-Policy', value: 'same-origin' },
        { key: 'Cross-Origin-Opener-Policy', value: 'same-origin' },
        { key: 'Permissions-Policy', value: 'camera=(), microphone=(), geolocation=(), payment=()' },
      ],
    },
  ],
};

export default config;
