import { AppError } from '@plumbline/core';
import type { IsolationName } from '@plumbline/protocol';
import { bubblewrapIsolation } from './bubblewrap/bubblewrap.ts';
import { type DockerOptions, dockerIsolation } from './docker/docker.ts';
import type { Isolation } from './isolation.ts';
import { noIsolation } from './none.ts';

/**
 * The isolation of this name. `docker` says what the one of that name works with.
 *
 * @throws AppError `sandbox_unavailable` for `docker` without it.
 */
export function isolationNamed(name: IsolationName, docker: DockerOptions | null): Isolation {
  switch (name) {
    case 'none':
      return noIsolation;
    case 'bubblewrap':
      return bubblewrapIsolation;
    case 'docker':
      if (docker === null) throw new AppError('sandbox_unavailable', 'This runner was not told of a Docker engine and a base image.');
      return dockerIsolation(docker);
  }
}
