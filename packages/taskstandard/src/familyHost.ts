import type { StandInCommand } from './models/modelUpstream.ts';
import type { Exec } from './taskHost.ts';

/** A place where a family's operations can be run outside an attempt: for checks, calibrations and scores by command. */
export interface FamilyHost {
  exec: Exec;
  /** Where the family's copy lies, as the family sees it: `familyDir` of an operation. */
  root: string;
  /** The workspace, as this process sees it. */
  workspaceDir: string;
  /** Variables that point the family at a workspace other than its own; null where only its own can be scored. */
  workspaceVariables: ((workspace: string) => Record<string, string>) | null;
  /** The interpreter. */
  python: string;
  /** Whether `install()` and the build steps ran while this place was made. */
  installed: boolean;
  /** The command line that starts `argv` as the scorer. */
  command(argv: string[]): StandInCommand;
  /** Where a socket for the scorer lies, as this process and as the family sees it. */
  socketDir: { here: string; there: string };
  /** Ends and removes all that was made for it. */
  destroy(): Promise<void>;
}
