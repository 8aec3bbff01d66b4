import { describe, expect, test } from 'vitest';
import { HostName, HostPlacement, NewHostPlacement, SlurmHostSettings, SshHostSettings } from './hosts.ts';

const SSH = { address: 'gpu1.example.org', user: 'lab', keyFile: '/etc/plumbline/gpu1.key', hostKey: 'ssh-ed25519 AAAAC3Nza' };
const SLURM = { sharedDir: '/shared/plumbline', partition: 'gpus', extraArgs: ['--reservation=bench'] };

describe('what an admin writes of a host', () => {
  test('is taken as people write it', () => {
    expect(SshHostSettings.parse(SSH)).toMatchObject({ port: 22, dataDir: '/var/lib/plumbline', gatewayUrl: null });
    expect(SshHostSettings.safeParse({ ...SSH, address: '2001:db8::7' }).success).toBe(true);
    expect(SlurmHostSettings.parse(SLURM)).toMatchObject({ nodeDir: null, gpuTypes: {} });
    const extraArgs = ['--exclude=gpu7', '--nodelist=gpu[1-4]', '--no-kill', '--time-min=60', '--wait-all-nodes=1', '--reservation=bench'];
    expect(NewHostPlacement.safeParse({ placement: 'slurm', settings: { ...SLURM, extraArgs } }).success).toBe(true);
    expect(HostName.safeParse('gpu-1.lab').success).toBe(true);
  });

  test.each<[string, object]>([
    ['a command in the address', { address: '$(touch /tmp/x)' }],
    ['a second line in the address', { address: 'gpu1\nProxyCommand=x' }],
    ['an option in place of the user', { user: '-oProxyCommand=x' }],
    ['a key file that climbs', { keyFile: '/etc/plumbline/../shadow' }],
    ['a key file relative to wherever the worker runs', { keyFile: 'gpu1.key' }],
    ['a folder with a command', { dataDir: '/var/lib/`id`' }],
    ['a folder with a space, which a shell takes apart', { dataDir: '/var/lib/plumb line' }],
    ['a folder with a colon, which a list of paths takes apart', { dataDir: '/var/lib:/etc' }],
    ['the root of the machine', { dataDir: '/' }],
    ['no host key, which would trust whoever answers', { hostKey: '' }],
    ['a host key with options before it', { hostKey: 'cert-authority ssh-ed25519 AAAA' }],
    ['a gateway that is no socket', { gatewayUrl: 'file:///etc/passwd' }],
    ['a port that there is not', { port: 65_536 }],
    ['a setting that nobody knows', { proxyCommand: 'x' }],
    ['an address of a megabyte', { address: 'a'.repeat(1_000_000) }],
  ])('is refused with %s, for SSH', (_what, change) => {
    expect(SshHostSettings.safeParse({ ...SSH, ...change }).success).toBe(false);
  });

  test.each<[string, object]>([
    ['an option in place of a partition', { partition: '--wrap=id' }],
    ['a second word in an account', { account: 'lab --uid=0' }],
    ['a command in a launch script', { launchScript: '/shared/x;id' }],
    ['a shared folder that climbs', { sharedDir: '/shared/../etc' }],
    ['an argument that is no option', { extraArgs: ['/etc/passwd'] }],
    ['a second line in an option', { extraArgs: ['--comment=a\n#SBATCH --uid=0'] }],
    ['a command in the name of a GPU', { gpuTypes: { h100: 'a b' } }],
  ])('is refused with %s, for Slurm', (_what, change) => {
    expect(SlurmHostSettings.safeParse({ ...SLURM, ...change }).success).toBe(false);
  });

  test.each([
    ['a job by another name, which nobody would find', '--job-name=mine'],
    ['another folder, by the beginning of an option’s name', '--chd=/tmp'],
    ['many jobs in place of one', '--array=1-4'],
    ['a job that is run again without its config', '--requeue'],
  ])('is refused with %s, and readable where it was written before', (_what, arg) => {
    const reach = { placement: 'slurm', settings: { ...SLURM, extraArgs: ['--exclude=gpu7', arg] } };
    expect(NewHostPlacement.safeParse(reach).error?.issues).toMatchObject([
      { path: ['settings', 'extraArgs', 1], message: `may not be ${arg}: the platform sets that itself` },
    ]);
    expect(HostPlacement.safeParse(reach).success).toBe(true);
  });

  test.each(['', 'Here', '-gpu1', 'gpu 1', '../gpu1', 'g'.repeat(65)])('no host is named "%s"', (name) => {
    expect(HostName.safeParse(name).success).toBe(false);
  });
});
