/** The columns of the tables, in order: one list writes the rows' documentation and holds the rows to it. */

export interface Column {
  name: string;
  unit: string;
  rule: string;
}

export const ATTEMPT_COLUMNS = [
  { name: 'attempt', unit: 'id', rule: 'The attempt.' },
  { name: 'participant', unit: 'pseudonym', rule: 'Who did it: the same within this export, another in the next.' },
  { name: 'participant_kind', unit: '', rule: '`person` or `agent`.' },
  { name: 'participant_group', unit: '', rule: 'The group that the participant was assigned to.' },
  { name: 'study', unit: '', rule: 'Name of the study.' },
  { name: 'study_kind', unit: '', rule: '`pilot`, `main` or `qa`.' },
  { name: 'ai_tool_level', unit: '', rule: 'AI tools that the study allowed: `none`, `search`, `chat`, `completion` or `agentic`.' },
  { name: 'family', unit: '', rule: 'Task family.' },
  { name: 'task', unit: '', rule: 'Task of the family.' },
  { name: 'version', unit: '', rule: "The family's version." },
  { name: 'environment_hash', unit: 'SHA-256', rule: "Hash over the family's files." },
  { name: 'state', unit: '', rule: '`completed`, `void` or `withdrawn`.' },
  { name: 'end_reason', unit: '', rule: '`submitted`, `expired` or `stopped_by_admin`; null where the clock never ended.' },
  { name: 'started_at', unit: 'UTC', rule: 'When the clock started.' },
  { name: 'ended_at', unit: 'UTC', rule: 'When the attempt ended.' },
  { name: 'limit_ms', unit: 'ms', rule: 'Time limit on the clock.' },
  { name: 'elapsed_ms', unit: 'ms', rule: 'Time on the clock at the end, corrected: without pauses, outages and credits.' },
  { name: 'elapsed_as_run_ms', unit: 'ms', rule: 'Time as it ran: without pauses, before any correction.' },
  { name: 'wall_ms', unit: 'ms', rule: 'From start to end on the calendar.' },
  { name: 'pauses', unit: 'count', rule: 'Pauses taken.' },
  { name: 'paused_ms', unit: 'ms', rule: 'Time in pauses.' },
  { name: 'outages', unit: 'count', rule: 'Stretches that were given back because the platform was away.' },
  { name: 'outage_ms', unit: 'ms', rule: 'Length of these stretches; where two overlap it counts once.' },
  { name: 'credit_ms', unit: 'ms', rule: 'Time that was given back (positive) or taken, by staff or for short gaps of the link.' },
  { name: 'rollbacks', unit: 'count', rule: 'Times that the clock went back to an earlier state, after the sandbox was lost.' },
  { name: 'score_requests', unit: 'count', rule: 'Scores that the participant asked for.' },
  { name: 'valid_scores', unit: 'count', rule: 'Eligible scores with a number.' },
  { name: 'notes', unit: 'count', rule: 'Notes that the participant wrote.' },
  {
    name: 'survey_expectation',
    unit: '',
    rule: 'How the participant says the result compares with what they expected: `better`, `as_expected`, `worse` or `unsure`; null where the survey was not answered.',
  },
  { name: 'survey_difficulty', unit: '1 to 5', rule: 'How hard the participant found it: 1 very easy, 5 very hard.' },
  { name: 'survey_off_clock_minutes', unit: 'min', rule: 'Thinking about the task while the clock stood, as the participant says.' },
  { name: 'survey_problems', unit: 'text', rule: 'What got in the way, in the participant’s words; may be empty.' },
  {
    name: 'agreement_hash',
    unit: 'SHA-256',
    rule: 'The text of the agreement that the participant answered; null, as the consents, where the study had none.',
  },
  { name: 'consent_gated_release', unit: '', rule: 'Whether the participant agrees to a release behind terms, such as this one.' },
  { name: 'consent_public_release', unit: '', rule: 'To a release to everybody.' },
  { name: 'consent_ai_training', unit: '', rule: 'To AI being trained on the attempt.' },
  { name: 'consent_quotation', unit: '', rule: 'To being quoted.' },
  { name: 'consents_confirmed', unit: '', rule: 'Whether these answers were given after the end of the attempt.' },
  { name: 'direction', unit: '', rule: '`lower` or `higher` is better.' },
  { name: 'aggregation', unit: '', rule: 'Whether the `best` or the `last` valid score counts.' },
  { name: 'score_unit', unit: '', rule: 'Unit of raw scores.' },
  { name: 'starting_score', unit: 'raw', rule: 'Published score of the starting solution: normalised 0.' },
  { name: 'reference_score', unit: 'raw', rule: 'Published score of the reference solution: normalised 1.' },
  {
    name: 'measured_starting_score',
    unit: 'raw',
    rule: "The starting solution's score in this attempt's own sandbox; null where it was not taken.",
  },
  {
    name: 'logged_score',
    unit: 'raw',
    rule: 'The score that counts, as it was logged in the attempt. Null is unscored, which is not zero.',
  },
  { name: 'logged_score_n', unit: '', rule: 'Number of that score in `scores.jsonl`.' },
  {
    name: 'logged_normalised',
    unit: '',
    rule: '(raw − starting) / (reference − starting); below zero is zero, and so is no valid score; null without a scale.',
  },
  { name: 'clean_scores', unit: 'count', rule: 'Re-scores of that submission in a fresh sandbox that gave a number.' },
  { name: 'clean_mean', unit: 'raw', rule: 'Their mean.' },
  { name: 'clean_sd', unit: 'raw', rule: 'Their sample standard deviation; null below two.' },
  { name: 'clean_disagrees', unit: '', rule: 'True where the re-scores do not bear out the logged score.' },
  { name: 'score', unit: 'raw', rule: 'The result: the clean mean where there is one, else the logged score.' },
  { name: 'normalised', unit: '', rule: 'The result on the normalised scale.' },
  { name: 'isolation', unit: '', rule: 'What the sandbox was made with.' },
  { name: 'freeze_method', unit: '', rule: 'How a pause froze it.' },
  { name: 'network', unit: '', rule: 'What it let the participant reach: `none` or `internet`.' },
  { name: 'recording', unit: '', rule: '`released`, `unfinished` (never signed), `erased` or `none`.' },
  { name: 'recording_events', unit: 'count', rule: 'Events of the recording, withheld ones included.' },
  { name: 'recording_root', unit: 'SHA-256', rule: 'Root of its last segment, as signed in `manifests/`.' },
] as const satisfies readonly Column[];

export const SCORE_COLUMNS = [
  { name: 'attempt', unit: 'id', rule: 'The attempt.' },
  { name: 'n', unit: '', rule: 'Number of the score in its attempt, in the order of asking.' },
  { name: 'trigger', unit: '', rule: '`start`, `participant`, `periodic`, `final`, `clean` or `retro`.' },
  { name: 'of_n', unit: '', rule: 'For a re-score: the number of the score whose submission it scored again.' },
  { name: 'requested_at', unit: 'UTC', rule: 'When it was asked for.' },
  { name: 'elapsed_ms', unit: 'ms', rule: 'Time on the clock when it was asked for, as stamped then.' },
  { name: 'elapsed_as_run_ms', unit: 'ms', rule: 'The same moment in time as it ran, before corrections.' },
  { name: 'status', unit: '', rule: '`scored`, or why there is no number.' },
  { name: 'score', unit: 'raw', rule: 'The scorer’s number; null where `status` is not `scored`.' },
  { name: 'normalised', unit: '', rule: 'On the normalised scale; null without a number or a scale.' },
  { name: 'eligible', unit: '', rule: 'Whether it may be the one that counts: asked for within the attempt, valid, not rolled back.' },
  { name: 'counts', unit: '', rule: 'True for the one that counts.' },
  { name: 'best_so_far', unit: 'raw', rule: 'Best eligible score up to this one.' },
  { name: 'rolled_back', unit: '', rule: 'Scored before a rollback, so not of the state that went on.' },
  { name: 'duration_ms', unit: 'ms', rule: 'How long the scorer ran.' },
  { name: 'message', unit: 'JSON', rule: 'What the scorer said to the participant.' },
  { name: 'details', unit: 'JSON', rule: 'What the scorer said to staff.' },
  { name: 'scorer_hash', unit: 'SHA-256', rule: 'Hash over the scorer.' },
  { name: 'submission_hash', unit: 'SHA-256', rule: 'The submission before the scorer ran.' },
  { name: 'submission_hash_after', unit: 'SHA-256', rule: 'The submission after it: another one means that the scorer changed it.' },
] as const satisfies readonly Column[];

export const CLOCK_COLUMNS = [
  { name: 'attempt', unit: 'id', rule: 'The attempt.' },
  { name: 'n', unit: '', rule: 'Number of the event in its attempt, from 1 without gaps.' },
  {
    name: 'kind',
    unit: '',
    rule: '`started`, `paused`, `woken`, `resumed`, `adjusted`, `outage`, `rollback`, `scoring_started`, `scoring_ended`, `submitted`, `expired` or `stopped`.',
  },
  { name: 'at', unit: 'UTC', rule: 'When it was written.' },
  { name: 'by', unit: '', rule: 'Who caused it: `participant`, `staff` or `platform`.' },
  { name: 'elapsed_ms', unit: 'ms', rule: 'Time on the clock right after it.' },
  {
    name: 'pause_reason',
    unit: '',
    rule: 'Of `paused`: `break`, `hibernate`, `absent`, `awaiting_staff`, `platform` or `other`; else null, as the following.',
  },
  { name: 'resume_at', unit: 'UTC', rule: 'Of `paused` for `hibernate`: the time that was booked for coming back.' },
  { name: 'credit_ms', unit: 'ms', rule: 'Of `adjusted`: given back, or taken where negative.' },
  { name: 'outage_from', unit: 'UTC', rule: 'Of `outage`: its begin.' },
  { name: 'outage_to', unit: 'UTC', rule: 'Of `outage`: its end.' },
  { name: 'to_elapsed_ms', unit: 'ms', rule: 'Of `rollback`: the time on the clock that it goes on from.' },
  { name: 'score_n', unit: '', rule: 'Of `scoring_started` and `scoring_ended`: number of the score in `scores.jsonl`.' },
] as const satisfies readonly Column[];

export const FLOW_COLUMNS = [
  { name: 'step', unit: '', rule: '`asked_for`, `left_out` or `released`.' },
  {
    name: 'reason',
    unit: '',
    rule: 'Why they are left out: `consent_refused`, or `consent_not_asked` where the study has an agreement that was never answered; else null.',
  },
  { name: 'attempts', unit: 'count', rule: 'Attempts at this step.' },
] as const satisfies readonly Column[];

export type AttemptRow = Record<(typeof ATTEMPT_COLUMNS)[number]['name'], unknown>;
export type ScoreTableRow = Record<(typeof SCORE_COLUMNS)[number]['name'], unknown>;
export type ClockRow = Record<(typeof CLOCK_COLUMNS)[number]['name'], unknown>;
export type FlowRow = Record<(typeof FLOW_COLUMNS)[number]['name'], unknown>;
