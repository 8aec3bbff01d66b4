import { GPU_IDLE_FLAG_MS, gpuWords } from '@plumbline/core';
import { Badge, formatSpan } from '@plumbline/ui';

/** The gateway renews its mark each second; this long without says that the sandbox is not attached. */
const ATTACHED_WITHIN_MS = 5_000;

interface SandboxFactsProps {
  state: string;
  /** Since the gateway last had the sandbox attached; null where it never had. */
  linkAgeMs: number | null;
  host: string | null;
  gpus: { count: number; model: string | null } | null;
  /** For how long no GPU has been at work, on the attempt's clock; null where that says nothing. */
  gpuIdleMs: number | null;
}

/** Where an attempt's sandbox is, whether it is attached, and whether it leaves its GPUs idle. */
export function SandboxFacts({ linkAgeMs, state, host, gpus, gpuIdleMs }: SandboxFactsProps) {
  return (
    <>
      <SandboxLink ageMs={linkAgeMs} state={state} />
      {host ? (
        <span className="block text-xs text-muted">
          {host}
          {gpus ? `, ${gpuWords({ gpuCount: gpus.count, gpuModel: gpus.model })}` : ''}
        </span>
      ) : null}
      {gpuIdleMs !== null && gpuIdleMs >= GPU_IDLE_FLAG_MS ? (
        <Badge tone="warning">GPU idle for {formatSpan(Math.floor(gpuIdleMs / 60_000) * 60_000)}</Badge>
      ) : null}
    </>
  );
}

function SandboxLink({ ageMs, state }: { ageMs: number | null; state: string }) {
  if (state === 'provisioning') return <span className="text-muted">Being made</span>;
  if (ageMs === null) return <Badge tone="neutral">Not attached</Badge>;
  if (ageMs <= ATTACHED_WITHIN_MS) return <Badge tone="success">Attached</Badge>;
  return <Badge tone="danger">Away for {formatSpan(ageMs)}</Badge>;
}
