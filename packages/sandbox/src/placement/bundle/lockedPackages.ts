import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@plumbline/core';
import { z } from 'zod';

/** Which packages a workspace needs at run time on this kind of machine, as package-lock.json says; never a list by hand. */

const Dependencies = z.record(z.string(), z.string()).optional();

const LockedPackage = z.object({
  link: z.boolean().optional(),
  resolved: z.string().optional(),
  dependencies: Dependencies,
  optionalDependencies: Dependencies,
  os: z.array(z.string()).optional(),
  cpu: z.array(z.string()).optional(),
  libc: z.array(z.string()).optional(),
});
type LockedPackage = z.infer<typeof LockedPackage>;

const Lockfile = z.object({ packages: z.record(z.string(), LockedPackage) });

export interface NeededPackages {
  /** Workspaces as folders of the repository, by package name. */
  readonly workspaces: ReadonlyMap<string, string>;
  /** Folders of other packages, as the lockfile has them: `node_modules/ws`. */
  readonly installed: readonly string[];
}

const allows = (list: string[] | undefined, value: string) =>
  list === undefined || (list.some((item) => item === value || item.startsWith('!')) && !list.includes(`!${value}`));

/**
 * Everything that `workspace` (a folder such as `apps/runner`) needs in production.
 *
 * @throws AppError `sandbox_unavailable` where something of it is not installed.
 */
export async function neededPackages(repository: string, workspace: string, arch: string): Promise<NeededPackages> {
  const lock = Lockfile.parse(JSON.parse(await readFile(join(repository, 'package-lock.json'), 'utf8')));
  const workspaces = new Map<string, string>();
  const installed = new Set<string>();

  const fitsHere = (entry: LockedPackage) => allows(entry.os, 'linux') && allows(entry.cpu, arch) && allows(entry.libc, 'glibc');

  /** Where Node finds `name` from a package at `from`: the nearest node_modules on the way up. */
  const resolve = (from: string, name: string): string | null => {
    for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
      const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
      if (lock.packages[path] !== undefined) return path;
      if (at === '') return null;
    }
  };

  const visit = (path: string): void => {
    const entry = lock.packages[path];
    const optional = new Set(Object.keys(entry?.optionalDependencies ?? {}));
    for (const name of [...Object.keys(entry?.dependencies ?? {}), ...optional]) {
      const at = resolve(path, name);
      const found = at === null ? undefined : lock.packages[at];
      if (at === null || found === undefined) {
        if (optional.has(name)) continue;
        throw new AppError('sandbox_unavailable', `package-lock.json does not say where ${name} is. Run npm install.`);
      }
      if (found.link === true) {
        const folder = found.resolved ?? '';
        if (workspaces.has(name)) continue;
        workspaces.set(name, folder);
        visit(folder);
        continue;
      }
      if (installed.has(at)) continue;
      if (optional.has(name)) {
        // Prebuilt programs for one kind of machine; an optional package for every kind would have to be compiled.
        const prebuilt = found.os !== undefined || found.cpu !== undefined;
        if (!prebuilt || !fitsHere(found)) continue;
      }
      if (!existsSync(join(repository, at))) {
        if (optional.has(name)) continue;
        throw new AppError('sandbox_unavailable', `The package ${name} is not installed. Run npm ci.`);
      }
      installed.add(at);
      visit(at);
    }
  };
  visit(workspace);
  return { workspaces, installed: [...installed].sort() };
}
