import type { Sandbox } from '@plumbline/sandbox';

/**
 * Lists name and version of what Python would import: the image's packages and those that the participant added. It runs isolated,
 * because a start-up file of the participant's would otherwise run in the platform's view, where captures are written.
 */
const LIST_PACKAGES = `
import importlib.metadata, glob, os, sys
path = sys.path + os.environ.get("PYTHONPATH", "").split(":") + glob.glob(os.path.expanduser("~/.local/lib/python3*/site-packages")) + glob.glob(os.path.expanduser("~/*/lib/python3*/site-packages"))
found = {f"{d.metadata['Name']}=={d.version}" for d in importlib.metadata.distributions(path=path)}
print("\\n".join(sorted(found, key=str.lower)))
`;

const TIMEOUT_MS = 10_000;
const OUTPUT_MAX_BYTES = 256 * 1024;
const PACKAGES_MAX = 2_000;

/** The Python packages of a sandbox as `name==version`; empty where they cannot be listed, which is no reason not to score. */
export async function installedPackages(sandbox: Sandbox): Promise<string[]> {
  try {
    const listed = await sandbox.run('platform', ['python3', '-I', '-c', LIST_PACKAGES], {
      timeoutMs: TIMEOUT_MS,
      maxOutputBytes: OUTPUT_MAX_BYTES,
    });
    if (listed.exitCode !== 0) return [];
    return listed.stdout.toString().split('\n').filter(Boolean).slice(0, PACKAGES_MAX);
  } catch {
    return [];
  }
}
