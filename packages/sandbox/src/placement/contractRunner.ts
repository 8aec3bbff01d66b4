/**
 * What the placement contract starts instead of a runner. It takes its config from standard input, writes down what it was
 * given and where, and then behaves as its config's `task` says. It imports nothing, so that it runs wherever Node does.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Config {
  attemptId: string;
  stateDir: string;
  imageDir: string;
  assetsDir: string;
  familyDir: string;
  task: string;
}

let text = '';
for await (const part of process.stdin) text += String(part);
const config = JSON.parse(text) as Config;
const note = (line: string) => appendFileSync(join(config.stateDir, 'signals'), `${line}\n`);

process.on('SIGTERM', () => {
  note('SIGTERM');
  if (config.task !== 'deaf') process.exit(0);
});

if (config.task === 'litters') {
  // As a sandbox would be left by a runner that is killed: a process, and the record that names it.
  const left = spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' });
  const stat = readFileSync(`/proc/${left.pid}/stat`, 'latin1');
  const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const dir = join(config.stateDir, 'sandbox');
  mkdirSync(dir, { recursive: true });
  const record = { id: 'left', cgroups: [], hostUid: null, holder: { pid: left.pid, startTime } };
  writeFileSync(join(dir, 'sandbox.json'), JSON.stringify(record));
  writeFileSync(join(config.stateDir, 'left'), String(left.pid));
}

const report = {
  pid: process.pid,
  config,
  arguments: process.argv,
  environment: readFileSync('/proc/self/environ', 'latin1'),
  family: readFileSync(join(config.familyDir, 'family.py'), 'utf8'),
  foldersUsable: [config.imageDir, config.assetsDir].every((dir) => {
    mkdirSync(dir, { recursive: true });
    return existsSync(dir);
  }),
};
const path = join(config.stateDir, 'report.json');
writeFileSync(`${path}.new`, JSON.stringify(report), { mode: 0o600 });
renameSync(`${path}.new`, path);

if (config.task !== 'ends') setInterval(() => undefined, 60_000);
