/**
 * Who may import whom, as docs/architecture.md draws it. Each package names what it may use; everything else is refused.
 * scripts/boundaries.test.ts plants bad imports and sees them refused.
 */

/** Packages of this repository that each may import, beyond itself. */
const MAY_IMPORT = {
  core: [],
  protocol: ['core'],
  screens: ['protocol'],
  storage: ['core'],
  recording: ['core', 'protocol', 'storage', 'database'],
  taskstandard: ['core'],
  sandbox: ['core', 'taskstandard', 'protocol', 'storage'],
  database: ['core', 'protocol', 'taskstandard'],
  datasets: ['core', 'protocol', 'recording', 'database', 'storage', 'taskstandard'],
  api: ['core', 'protocol', 'recording', 'database', 'storage', 'datasets', 'taskstandard'],
  ui: [],
  config: ['core'],
};

/** Packages that each app may import. */
const APPS = {
  web: ['api', 'config', 'core', 'database', 'protocol', 'recording', 'screens', 'storage', 'datasets', 'ui', 'taskstandard'],
  gateway: ['config', 'core', 'database', 'protocol', 'recording', 'storage', 'taskstandard'],
  worker: ['config', 'core', 'database', 'datasets', 'protocol', 'recording', 'sandbox', 'storage', 'taskstandard'],
  runner: ['config', 'core', 'protocol', 'sandbox', 'screens', 'storage', 'taskstandard'],
  cli: ['config', 'core', 'database', 'datasets', 'protocol', 'recording', 'sandbox', 'storage', 'taskstandard'],
};

const TEST = '[.](test|fixture)[.]tsx?$';

const packageRules = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `${name}-imports`,
  comment: `packages/${name} may import ${allowed.length > 0 ? allowed.join(', ') : 'no other package'}.`,
  severity: 'error',
  from: { path: `^packages/${name}/`, pathNot: TEST },
  to: { path: '^(packages|apps)/', pathNot: [name, ...allowed].map((other) => `^packages/${other}/`) },
}));

const appRules = Object.entries(APPS).map(([name, allowed]) => ({
  name: `${name}-imports`,
  comment: `apps/${name} may import ${allowed.join(', ')}.`,
  severity: 'error',
  from: { path: `^apps/${name}/`, pathNot: TEST },
  to: { path: '^(packages|apps)/', pathNot: [`^apps/${name}/`, ...allowed.map((other) => `^packages/${other}/`)] },
}));

module.exports = {
  forbidden: [
    ...packageRules,
    ...appRules,
    {
      name: 'testing-is-for-tests',
      comment: 'packages/testing and fixtures bring a server, programs and made-up rows: only tests use them.',
      severity: 'error',
      from: { path: '^(packages|apps)/', pathNot: [TEST, '^packages/testing/'] },
      to: { path: '^packages/testing/|[.]fixture[.]ts$' },
    },
    {
      name: 'no-app-from-another',
      comment: 'Apps talk over wires. A test may start another app as a process, not import it.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'core-is-pure',
      comment: 'The rules do no I/O: no module of Node, no dependency at all.',
      severity: 'error',
      from: { path: '^packages/core/src', pathNot: TEST },
      to: { dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer'], pathNot: '^packages/' },
    },
    {
      name: 'browser-loads-no-server',
      comment: 'What a browser may load (client folders, the protocol, the design system) uses neither Node nor the server packages.',
      severity: 'error',
      from: { path: '^(packages/(ui|protocol)/src|apps/web/src/features/[^/]+/(components|model))/', pathNot: TEST },
      to: {
        path: '^packages/(database|storage|sandbox|screens|datasets|taskstandard|config)/|/features/[^/]+/server/',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'browser-loads-no-node',
      comment: "Node's modules do not exist in a browser.",
      severity: 'error',
      from: { path: '^(packages/(ui|protocol)/src|apps/web/src/features/[^/]+/(components|model))/', pathNot: TEST },
      to: { dependencyTypes: ['core'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-circles',
      comment: 'Two files that need each other are one file, or hide a third.',
      severity: 'error',
      from: { path: '^(packages|apps|scripts)/' },
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^packages/database/generated'] },
    exclude: { path: ['[.]next', '/dist/'] },
    // TypeScript 7 offers no compiler to call.
    parser: 'swc',
    tsPreCompilationDeps: true,
    detectProcessBuiltinModuleCalls: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
    combinedDependencies: true,
    cache: { folder: 'node_modules/.cache/dependency-cruiser', strategy: 'content' },
  },
};
