import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PYTHON } from '../isolation/inView.ts';
import { PackageRegistry } from './packageRegistry.fixture.ts';

const PROGRAMS = fileURLToPath(new URL('../../python', import.meta.url));
const BEFORE = `
import os, shutil, sys
sys.path.insert(0, sys.argv[1])
import workspace_watch
from workspace_paths import Workspace
root = sys.argv[2]
os.chdir(root)
# A tree is too large from here on: as many files as a real limit takes would be made for a minute.
workspace_watch.MAX_ENTRIES = 400
left_out = 0
def omitted(count):
    global left_out
    left_out += count
def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
def fill():
    "As packages and a repository arrive: small files in many folders."
    for folder in range(50):
        os.makedirs("packages/p%d/.git" % folder)
        for name in range(20):
            write("packages/p%d/%d" % (folder, name), "")
def minutes_later():
    watch.refilled -= 600
watch = workspace_watch.Watcher(Workspace(root), lambda change: print(change["op"], change["path"], *([change["to"]] if "to" in change else [])), omitted)
write("src/open.py", "a")
for name in range(100):
    write("deep/er/still/%d" % name, "")
watch.watch(["src/open.py"])
watch.changes()
`;

describe('the watch', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'plumbline-watch-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** What is told while a program does this, without what is told of the packages. */
  const told = async (program: string) => {
    const { stdout } = await promisify(execFile)(PYTHON, ['-c', BEFORE + program, PROGRAMS, root]);
    return stdout.split('\n').filter((line) => line !== '' && !line.includes(' packages'));
  };

  it('takes what it no longer looks at, as there is too much, for neither gone nor new', async () => {
    const program = `
fill()
watch.changes()
assert left_out > 100, left_out
print("filled")
minutes_later()
os.remove("deep/er/still/7")
watch.changes()
print("emptied")
shutil.rmtree("packages")
write("last", "")
minutes_later()
watch.changes()
`;
    expect(await told(program)).toEqual(['filled', 'deleted deep/er/still/7', 'emptied', 'created last']);
  });

  it('tells of a file that is open though more changes than can be told', async () => {
    const program = `
workspace_watch.TOLD_PER_SECOND = 0
watch.budget = 1
for name in range(10):
    write("new%d" % name, "")
write("src/open.py", "longer")
watch.changes()
assert left_out == 10, left_out
`;
    expect(await told(program)).toEqual(['changed src/open.py']);
  });

  it('looks at files that are open while it rests from looking at all', async () => {
    const program = `
write("src/open.py", "longer")
write("src/other.py", "")
watch.glance()
os.remove("src/open.py")
assert not watch.glance()
watch.changes()
write("src/open.py", "")
watch.changes()
`;
    expect(await told(program)).toEqual(['changed src/open.py', 'deleted src/open.py', 'created src/other.py', 'created src/open.py']);
  });

  it('tells where a file that is open was moved to, by itself or with its folder, and takes no new file for it', async () => {
    const program = `
os.rename("src/open.py", "src/named.py")
assert not watch.glance()
watch.changes()
watch.watch(["src/named.py"])
os.rename("src", "lib")
watch.changes()
watch.watch(["lib/named.py"])
os.remove("lib/named.py")
write("lib/new.py", "a")
watch.changes()
`;
    expect(await told(program)).toEqual([
      'renamed src/open.py src/named.py',
      'renamed src/named.py lib/named.py',
      'deleted src',
      'created lib',
      'deleted lib/named.py',
      'created lib/new.py',
    ]);
  });

  it('lives through a real `git clone` and a real `npm install`: what is changed after them is told at once', async () => {
    const registry = await PackageRegistry.start(12);
    try {
      const program = `
import subprocess, time
workspace_watch.MAX_ENTRIES = 20_000
def beside(command):
    "Looks all the time while it runs, and says how much it made."
    running = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL)
    while running.poll() is None:
        watch.glance()
        watch.changes()
        time.sleep(0.05)
    assert running.returncode == 0, command
    return sum(len(files) for _, _, files in os.walk("packages"))
fill()
beside("cd packages && git init -q -b main && git add --force . && git -c user.name=a -c user.email=a@b commit -qm all && git clone -q --bare . ../packages.git")
shutil.rmtree("packages")
assert beside("mkdir packages && git clone -q packages.git packages/cloned") > 1000
made = beside("mkdir packages/app && cd packages/app && npm install --silent --no-audit --no-fund --registry ${registry.url} --cache ../.npm ${registry.names.join(' ')}")
assert os.path.exists("packages/app/node_modules/${registry.names.at(-1)}/39.js"), made
# What came after the last look is as much as may be told at once.
watch.changes()
minutes_later()
print("installed")
write("src/open.py", "longer")
assert watch.glance() is not False
write("src/new.py", "")
os.remove("deep/er/still/7")
watch.changes()
`;
      const lines = await told(program);
      expect(lines.slice(lines.indexOf('installed')).sort()).toEqual(
        ['changed src/open.py', 'created src/new.py', 'deleted deep/er/still/7', 'installed'].sort(),
      );
    } finally {
      registry.stop();
    }
  }, 120_000);

  it('takes what the platform changes itself for no news, nor the name that a file has on its way', async () => {
    const program = `
import threading
with watch.own_change("src/saved.py"):
    write("src/.plumbline-saved", "half")
    os.rename("src/.plumbline-saved", "src/saved.py")
    look = threading.Thread(target=watch.changes)
    look.start()
    # One that does not wait has looked by then.
    look.join(0.3)
look.join()
write("src/.plumbline-upload-1", "half")
watch.changes()
write("src/after.py", "")
watch.changes()
`;
    expect(await told(program)).toEqual(['created src/after.py']);
  });

  it('goes on beside a path that is too long to be told', async () => {
    const program = `
workspace_watch.MAX_PATH = 40
write("n" * 50, "")
watch.changes()
write("src/after.py", "")
watch.changes()
`;
    expect(await told(program)).toEqual(['created src/after.py']);
  });
});
