'use client';
import { Alert, EmptyState, formatBytes, ScrollBox } from '@plumbline/ui';
import { Gauge } from 'lucide-react';
import { type Course, courseOf, HISTORY_MS, type UsedAt } from '../model/resourceHistory.ts';
import type { ResourceUse } from '../model/resourceUse.ts';
import { useSessionState } from './useAttemptSession.ts';

const WIDTH = 240;
const HEIGHT = 40;
const percent = (value: number) => `${Math.round(value)} %`;

function coursesOf(history: readonly UsedAt[], { memoryLimitBytes, gpus }: ResourceUse): Course[] {
  const limit = memoryLimitBytes === null ? '' : ` of ${formatBytes(memoryLimitBytes)}`;
  const gpu = (use: ResourceUse, index: number) => use.gpus.find((one) => one.index === index) ?? null;
  return [
    courseOf(history, 'Processors', (use) => use.cpuPercent, percent),
    courseOf(
      history,
      'Memory in use',
      (use) => use.memoryBytes,
      (value) => `${formatBytes(value)}${limit}`,
      memoryLimitBytes,
    ),
    ...gpus.flatMap(({ index }) => [
      courseOf(history, `GPU ${index}`, (use) => gpu(use, index)?.usePercent ?? null, percent, 100),
      courseOf(history, `Memory of GPU ${index}`, (use) => gpu(use, index)?.memoryBytes ?? null, formatBytes),
    ]),
    courseOf(history, 'Disk left', (use) => use.diskFreeBytes, formatBytes),
    courseOf(history, 'Processes', (use) => use.processes, String),
  ].flatMap((course) => course ?? []);
}

function CourseRow({ course, nowMs }: { course: Course; nowMs: number }) {
  const points = course.points.map(({ atMs, share }) => {
    const x = WIDTH * (1 - (nowMs - atMs) / HISTORY_MS);
    return `${x.toFixed(1)},${(1 + (HEIGHT - 2) * (1 - share)).toFixed(1)}`;
  });
  return (
    <li data-testid="resource-course">
      <p className="flex flex-wrap justify-between gap-x-2 text-sm">
        <span className="text-muted">{course.label}</span>
        <span className="ml-auto font-medium whitespace-nowrap tabular-nums">{course.now}</span>
      </p>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden className="mt-1 h-10 w-full rounded bg-surface-sunken">
        <polyline points={points.join(' ')} fill="none" stroke="var(--accent)" strokeWidth={1.5} vectorEffect="non-scaling-stroke" />
      </svg>
    </li>
  );
}

/** What the sandbox uses and used in the last ten minutes: whether the GPU is busy, and how soon the memory is full. */
export function ResourcesPanel() {
  const { resources, resourceHistory } = useSessionState();
  const nowMs = resourceHistory.at(-1)?.atMs ?? 0;
  if (!resources) {
    return (
      <EmptyState icon={<Gauge aria-hidden />} title="Nothing measured yet">
        The sandbox is measured every few seconds while the clock runs.
      </EmptyState>
    );
  }
  return (
    <ScrollBox className="h-full overflow-auto p-4" data-testid="resources-panel">
      {resources.warnings.map(({ kind, text }) => (
        <Alert key={kind} tone="warning" className="mb-3">
          {text}
        </Alert>
      ))}
      <ul className="space-y-3" aria-label="What the sandbox uses, and its last ten minutes">
        {coursesOf(resourceHistory, resources).map((course) => (
          <CourseRow key={course.label} course={course} nowMs={nowMs} />
        ))}
      </ul>
      <p className="mt-3 text-xs text-muted">The last ten minutes, as far as this page was open. A processor at full work is 100 %.</p>
    </ScrollBox>
  );
}
