import { Card, CardBody, CardHeader, Chord, Page, PageHeader } from '@plumbline/ui';
import type { Metadata } from 'next';
import { QUESTIONS, RECORDED, SHORTCUTS } from '@/features/help/model/help.ts';
import { api, orRefuse } from '@/features/rpc/server/api.ts';

export const metadata: Metadata = { title: 'Help' };

export default async function HelpPage() {
  // The bar around it is not asked again when somebody comes here from another page: a sign-in that has ended is seen here.
  await orRefuse((await api()).self.get(), '/help');
  return (
    <Page width="narrow">
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
          <dl className="grid grid-cols-[max-content_1fr] gap-x-6 gap-y-2">
            {RECORDED.map(({ what, how }) => (
              <div key={what} className="contents">
                <dt className="font-medium">{what}</dt>
                <dd className="text-muted">{how}</dd>
              </div>
            ))}
          </dl>
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
