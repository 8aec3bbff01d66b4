'use client';
import { CONSENTS } from '@plumbline/core';
import { Badge, Button, Card, CardHeader, EmptyState, Page, PageHeader, Table, TableHead, Td, Th, Time, Tr } from '@plumbline/ui';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { FileText, PenLine } from 'lucide-react';
import Link from 'next/link';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { CONSENT_WORDS, type StudyAgreements, shortHash } from '../model/words.ts';
import { AgreementText } from './AgreementText.tsx';
import { NewVersionDialog } from './NewVersionDialog.tsx';

type Version = StudyAgreements['versions'][number];

/** For admins: what participants of each study agree to, in all its versions, and who answered what. */
export function AgreementsPage({ initial }: { initial: StudyAgreements[] }) {
  const queryClient = useQueryClient();
  const [writing, setWriting] = useState<StudyAgreements | null>(null);
  const queryKey = ['agreement.list'];
  const { data } = useQuery({ queryKey, queryFn: () => rpc.agreement.list.query(), initialData: initial });
  return (
    <Page>
      <PageHeader
        title="Agreements"
        description="What participants of a study agree to before they begin. A new version asks everybody anew whose clock has not started."
      />
      {data.map((study) => {
        const [newest] = study.versions;
        return (
          <Card key={study.studyId}>
            <CardHeader
              title={study.name}
              description={
                newest ? (
                  <>
                    Version {newest.n} is asked for; answers can be changed until <Time at={newest.withdrawUntil} />.
                  </>
                ) : (
                  'No agreement: attempts of this study begin without one.'
                )
              }
              actions={
                <Button onClick={() => setWriting(study)}>
                  <PenLine />
                  {newest ? 'Write a new version' : 'Write an agreement'}
                </Button>
              }
            />
            {study.versions.map((version) => (
              <VersionDetails key={version.versionId} version={version} />
            ))}
          </Card>
        );
      })}
      {data.length === 0 ? (
        <Card>
          <EmptyState icon={<FileText />} title="No studies yet">
            Each study has an agreement of its own, which is written here.
          </EmptyState>
        </Card>
      ) : null}
      {writing ? (
        <NewVersionDialog study={writing} onClose={() => setWriting(null)} onWritten={() => queryClient.invalidateQueries({ queryKey })} />
      ) : null}
    </Page>
  );
}

function VersionDetails({ version }: { version: Version }) {
  const { n, hash, writtenBy, writtenAt, contact, answers } = version;
  return (
    <details className="border-b border-border last:border-b-0">
      <summary className="cursor-pointer px-4 py-3 text-sm">
        <span className="font-medium">Version {n}</span>{' '}
        <span className="text-muted">
          <code className="font-mono text-xs">{shortHash(hash)}</code>, written <Time at={writtenAt} />
          {writtenBy ? ` by ${writtenBy}` : ''}, {answers.length === 1 ? '1 answer' : `${answers.length} answers`}
        </span>
      </summary>
      <div className="space-y-4 px-4 pb-4">
        <AgreementText {...version} />
        <p className="text-xs break-all text-muted">
          Participants write to {contact}. The whole hash: <code className="font-mono">{hash}</code>
        </p>
        {answers.length > 0 ? <AnswersTable n={n} answers={answers} /> : null}
      </div>
    </details>
  );
}

function AnswersTable({ n, answers }: { n: number; answers: Version['answers'] }) {
  return (
    <Table label={`Answers to version ${n}`}>
      <TableHead>
        <Th>Participant</Th>
        <Th>Attempt</Th>
        <Th>Answered</Th>
        {CONSENTS.map((consent) => (
          <Th key={consent} className="px-2 whitespace-normal">
            {CONSENT_WORDS[consent].name}
          </Th>
        ))}
      </TableHead>
      <tbody>
        {answers.map((answer) => (
          <Tr key={`${answer.attemptId} ${answer.n}`}>
            <Td className="font-medium">{answer.participant}</Td>
            <Td>
              <Link href={`/attempts/${answer.attemptId}`} className="text-accent underline-offset-4 hover:underline">
                {answer.title}
              </Link>
            </Td>
            <Td>
              <Time at={answer.at} />
              {answer.stands ? null : <span className="block text-xs text-muted">Changed later</span>}
            </Td>
            {CONSENTS.map((consent) => (
              <Td key={consent} className="px-2">
                <Badge tone={answer.consents[consent] ? 'success' : 'neutral'}>{answer.consents[consent] ? 'Yes' : 'No'}</Badge>
              </Td>
            ))}
          </Tr>
        ))}
      </tbody>
    </Table>
  );
}
