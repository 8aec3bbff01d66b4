'use client';
import { useQuery } from '@tanstack/react-query';
import { rpc } from '@/features/rpc/client.ts';

const POLL_MS = 3_000;

/** What the platform says of an attempt's machine and copies; asked again and again while `follows`. */
export function useAttemptProgress(attemptId: string, { follows = false, enabled = true } = {}) {
  const { data } = useQuery({
    queryKey: ['attempt.progress', attemptId],
    queryFn: () => rpc.attempt.progress.query({ attemptId }),
    // What was asked before the last copy was made says nothing of it.
    staleTime: 0,
    refetchInterval: follows && POLL_MS,
    enabled,
  });
  return data;
}
