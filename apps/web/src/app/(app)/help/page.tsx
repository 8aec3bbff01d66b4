import { Card, CardBody, CardHeader, Chord, Page, PageHeader } from '@plumbline/ui';
import type { Metadata } from 'next';
import { AddressedPart } from '@/features/help/components/AddressedPart.tsx';
import { INSTALLING, QUESTIONS, RECORDED, SHORTCUTS } from '@/features/help/model/help.ts';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Help' };

export default async function HelpPage() {
  // The bar around it is not asked again when somebody comes here from another page: a sign-in that has ended is seen here.
  await orRefuse((await api()).self.get(), '/help');
  return (
    <Page width="narrow">
      <AddressedPart />
      <PageHeader title="Help" description="How an attempt goes, and the keys that the workspace knows." />
      <Card>
        <CardHeader title="Questions" />
        <CardBody>
          <dl className="space-y-4">
            {QUESTIONS.map(({ question, answer }) => (
              <div key={question}>
                <dt className="font-medium">{question}</dt>
                <dd className="mt-1 text-muted">{answer}</dd>
              </div>
            ))}
          </dl>
        </CardBody>
      </Card>
      <Card id="recorded">
        <CardHeader title="What is recorded" description="From the moment at which the clock starts to the end of the attempt." />
        <CardBody>
          <Explained entries={RECORDED.map(({ what, how }) => [what, how])} />
        </CardBody>
      </Card>
      <Card id="app">
        <CardHeader
          title="The workspace as an app"
          description="In a window of its own Ctrl-W, Ctrl-T and Ctrl-N reach the shell and the editor; in a tab the browser keeps them. It is the same workspace, and the clock does not notice."
        />
        <CardBody>
          <Explained entries={INSTALLING.map(({ browser, how }) => [browser, how])} />
        </CardBody>
      </Card>
      <Card id="keys">
        <CardHeader
          title="Keys"
          description="On a Mac it is Cmd where the two are written together, in a terminal too. With Ctrl alone its keys stay those of the text or the program."
        />
        <CardBody>
          <dl className="grid grid-cols-[max-content_1fr] items-center gap-x-6 gap-y-2">
            {SHORTCUTS.map(({ keys, does }) => (
              <div key={does} className="contents">
                <dt>
                  <Chord keys={keys} />
                </dt>
                <dd className="text-sm">{does}</dd>
              </div>
            ))}
          </dl>
        </CardBody>
      </Card>
    </Page>
  );
}

function Explained({ entries }: { entries: readonly (readonly [term: string, words: string])[] }) {
  return (
    <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-2">
      {entries.map(([term, words]) => (
        <div key={term} className="contents">
          <dt className="font-medium">{term}</dt>
          <dd className="text-muted">{words}</dd>
        </div>
      ))}
    </dl>
  );
}
