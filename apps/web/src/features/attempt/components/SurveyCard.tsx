import { Card, CardBody, CardHeader, Facts, Time } from '@plumbline/ui';
import { DIFFICULTIES, expectationWords, SURVEY_QUESTIONS, type SurveyView } from '../model/survey.ts';

/** For staff: what the participant answered at the end. */
export function SurveyCard({ answers }: { answers: SurveyView }) {
  return (
    <Card data-testid="survey-answers">
      <CardHeader
        title="What the participant says"
        description={
          <>
            Answered <Time at={answers.at} />
          </>
        }
      />
      <CardBody className="space-y-4">
        <Facts
          items={[
            { term: SURVEY_QUESTIONS.expectation, value: expectationWords(answers.expectation) },
            { term: SURVEY_QUESTIONS.difficulty, value: DIFFICULTIES[answers.difficulty - 1] ?? answers.difficulty },
            { term: SURVEY_QUESTIONS.offClock, value: answers.offClockMinutes },
          ]}
        />
        <div className="text-sm">
          <h3 className="text-xs font-medium text-muted">{SURVEY_QUESTIONS.problems}</h3>
          <p className="break-words whitespace-pre-wrap">{answers.problems || 'Nothing was named.'}</p>
        </div>
      </CardBody>
    </Card>
  );
}
