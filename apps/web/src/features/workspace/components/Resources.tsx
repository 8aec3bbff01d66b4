'use client';
import { cn, formatBytes, Tooltip } from '@plumbline/ui';
import { Cpu, Gauge, HardDrive, MemoryStick } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ResourceUse } from '../model/resourceUse.ts';
import { useSessionState } from './useAttemptSession.ts';

function Meter({ icon, label, value, short, testId }: { icon: ReactNode; label: string; value: string; short: boolean; testId: string }) {
  return (
    <Tooltip label={label}>
      <span
        data-testid={testId}
        data-short={short}
        className={cn('flex items-center gap-1 whitespace-nowrap tabular-nums [&_svg]:size-3.5', short && 'font-medium text-danger')}
      >
        {icon}
        <span className="sr-only">{label}: </span>
        {value}
      </span>
    </Tooltip>
  );
}

/** GPUs of which the bar has room for one each. */
const GPUS_EACH_MAX = 2;

/** What the bar says of GPUs: of each, or of many their mean use and all of their memory. */
function meteredGpus(gpus: ResourceUse['gpus']): { name: string; usePercent: number; memoryBytes: number }[] {
  if (gpus.length <= GPUS_EACH_MAX) return gpus.map((gpu) => ({ ...gpu, name: `GPU ${gpu.index}` }));
  const sum = (of: (gpu: ResourceUse['gpus'][number]) => number) => gpus.reduce((total, gpu) => total + of(gpu), 0);
  return [
    { name: `${gpus.length} GPUs`, usePercent: sum((gpu) => gpu.usePercent) / gpus.length, memoryBytes: sum((gpu) => gpu.memoryBytes) },
  ];
}

/** What the sandbox uses, as of the last few seconds, while the clock runs. Nothing until the first sample is there. */
export function Resources() {
  const { resources, clock } = useSessionState();
  // In a pause nothing runs, and the machine may be given back.
  if (!resources || clock?.state !== 'running') return null;
  const { cpuPercent, memoryBytes, memoryLimitBytes, diskFreeBytes, gpus, warnings } = resources;
  const isShort = (kind: 'memory' | 'disk') => warnings.some((warning) => warning.kind === kind);
  return (
    <section aria-label="What the sandbox uses" className="hidden items-center gap-3 text-xs text-muted md:flex" data-testid="resources">
      {cpuPercent === null ? null : (
        <Meter
          icon={<Cpu aria-hidden />}
          label="Processors, 100 % for each"
          value={`${Math.round(cpuPercent)} %`}
          short={false}
          testId="meter-cpu"
        />
      )}
      {memoryBytes === null ? null : (
        <Meter
          icon={<MemoryStick aria-hidden />}
          label="Memory in use"
          value={`${formatBytes(memoryBytes)}${memoryLimitBytes === null ? '' : ` of ${formatBytes(memoryLimitBytes)}`}`}
          short={isShort('memory')}
          testId="meter-memory"
        />
      )}
      {diskFreeBytes === null ? null : (
        <Meter
          icon={<HardDrive aria-hidden />}
          label="Disk left"
          value={formatBytes(diskFreeBytes)}
          short={isShort('disk')}
          testId="meter-disk"
        />
      )}
      {gpus.length === 0 ? null : (
        // On a small screen the words of a banner have the room of these: the panel shows them as well.
        <span className="flex gap-3 max-2xl:group-has-data-banner:hidden">
          {meteredGpus(gpus).map(({ name, usePercent, memoryBytes: gpuBytes }) => (
            <Meter
              key={name}
              icon={<Gauge aria-hidden />}
              label={`${name}: use and memory`}
              value={`${Math.round(usePercent)} % ${formatBytes(gpuBytes)}`}
              short={false}
              testId={`meter-${name.replace(' ', '-').toLowerCase()}`}
            />
          ))}
        </span>
      )}
    </section>
  );
}
