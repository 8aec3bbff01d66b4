import { handOver } from './bootstrap.mjs';

handOver('supervisor.ts', process.argv.slice(2));
