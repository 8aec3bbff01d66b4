'use client';
import { OFF_CLOCK_MAX_MINUTES, type SurveyAnswers } from '@plumbline/protocol';
import { Alert, Button, Card, CardBody, CardHeader, Field, Input, Select, Textarea } from '@plumbline/ui';
import { useMutation } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { DIFFICULTIES, EXPECTATIONS, SURVEY_QUESTIONS, type SurveyView } from '../model/survey.ts';

const DIFFICULTY_CHOICES = DIFFICULTIES.map((words, index) => ({ value: index + 1, words }));

/** The questions at the end of one's own attempt. */
export function SurveyForm({ attemptId, answers }: { attemptId: string; answers: SurveyView | null }) {
  const [answered, setAnswered] = useState(answers !== null);
  const send = useMutation({
    mutationFn: (given: SurveyAnswers) => rpc.attempt.answerSurvey.mutate({ attemptId, ...given }),
    onSuccess: () => setAnswered(true),
  });

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    send.mutate({
      expectation: String(fields.get('expectation')) as SurveyAnswers['expectation'],
      difficulty: Number(fields.get('difficulty')),
      offClockMinutes: Number(fields.get('offClockMinutes')),
      problems: String(fields.get('problems')),
    });
  }

  return (
    <Card data-testid="survey">
      <CardHeader title="How was it?" description="Four questions, two minutes. The answers go to the staff and into the dataset." />
      <CardBody>
        <form className="space-y-4" onSubmit={submit} onChange={() => send.reset()}>
          <div className="grid gap-4 sm:grid-cols-2">
            <Choice label={SURVEY_QUESTIONS.expectation} name="expectation" answer={answers?.expectation} choices={EXPECTATIONS} />
            <Choice label={SURVEY_QUESTIONS.difficulty} name="difficulty" answer={answers?.difficulty} choices={DIFFICULTY_CHOICES} />
          </div>
          <Field
            label={SURVEY_QUESTIONS.offClock}
            hint="In pauses, overnight, on a walk. It costs you nothing to say so; 0 if you did not."
          >
            {(control) => (
              <Input
                {...control}
                className="max-w-40"
                name="offClockMinutes"
                type="number"
                required
                min={0}
                max={OFF_CLOCK_MAX_MINUTES}
                step={1}
                defaultValue={answers?.offClockMinutes}
              />
            )}
          </Field>
          <Field
            label={SURVEY_QUESTIONS.problems}
            hint="The task, the machine, this site, anything. Leave it empty if nothing did. Name nobody."
          >
            {(control) => <Textarea {...control} name="problems" maxLength={10_000} defaultValue={answers?.problems} />}
          </Field>
          {send.error ? <Alert tone="danger">{send.error.message}</Alert> : null}
          {send.isSuccess ? <Alert tone="success">Thank you. Your answers are kept.</Alert> : null}
          <Button type="submit" variant={answered ? 'secondary' : 'primary'} busy={send.isPending && 'Sending'}>
            {answered ? 'Send again' : 'Send the answers'}
          </Button>
        </form>
      </CardBody>
    </Card>
  );
}

function Choice({
  label,
  name,
  answer,
  choices,
}: {
  label: string;
  name: string;
  answer: string | number | undefined;
  choices: readonly { value: string | number; words: string }[];
}) {
  return (
    <Field label={label}>
      {(control) => (
        <Select {...control} name={name} required defaultValue={answer ?? ''}>
          <option value="" disabled>
            Choose an answer
          </option>
          {choices.map(({ value, words }) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </Select>
      )}
    </Field>
  );
}
