'use client';
import type { AppRouter } from '@plumbline/api';
import { ROLES, type Role } from '@plumbline/core';
import { Badge, Button, Card, ConfirmDialog, Page, PageHeader, Select, Table, TableHead, Td, Th, Time, Tr, toast } from '@plumbline/ui';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { inferRouterOutputs } from '@trpc/server';
import { UserPlus } from 'lucide-react';
import { useState } from 'react';
import { rpc } from '@/features/rpc/client.ts';
import { NewUserDialog } from './NewUserDialog.tsx';

type UserRow = inferRouterOutputs<AppRouter>['user']['list'][number];

export function UsersPage({ initial, ownId }: { initial: UserRow[]; ownId: string }) {
  const queryClient = useQueryClient();
  const [creating, setCreating] = useState(false);
  const [disabling, setDisabling] = useState<UserRow | null>(null);
  const { data } = useQuery({ queryKey: ['user.list'], queryFn: () => rpc.user.list.query(), initialData: initial });
  const reload = () => queryClient.invalidateQueries({ queryKey: ['user.list'] });
  const onError = (error: Error) => toast.error(error.message);
  const setRole = useMutation({
    mutationFn: (change: { userId: string; role: Role }) => rpc.user.setRole.mutate(change),
    onError,
    onSettled: reload,
  });
  const enable = useMutation({ mutationFn: (userId: string) => rpc.user.enable.mutate({ userId }), onError, onSettled: reload });

  return (
    <Page>
      <PageHeader
        title="Users"
        description="Who may sign in, and as what. A disabled account is signed out everywhere at once and loses nothing."
        actions={
          <Button variant="primary" onClick={() => setCreating(true)}>
            <UserPlus />
            New user
          </Button>
        }
      />
      <Card>
        <Table label="Users">
          <TableHead>
            <Th>Name</Th>
            <Th>E-mail</Th>
            <Th>Role</Th>
            <Th>Made</Th>
            <Th>State</Th>
            <Th>
              <span className="sr-only">Acts</span>
            </Th>
          </TableHead>
          <tbody>
            {data.map((user) => (
              <Tr key={user.id}>
                <Td className="font-medium">
                  {user.name}
                  {user.id === ownId ? <span className="ml-2 text-xs font-normal text-muted">you</span> : null}
                </Td>
                <Td>{user.email}</Td>
                <Td>
                  <Select
                    aria-label={`Role of ${user.name}`}
                    className="w-36"
                    value={user.role}
                    disabled={user.id === ownId || setRole.isPending}
                    onChange={(event) => setRole.mutate({ userId: user.id, role: event.target.value as Role })}
                  >
                    {ROLES.map((role) => (
                      <option key={role} value={role}>
                        {role}
                      </option>
                    ))}
                  </Select>
                </Td>
                <Td>
                  <Time at={user.createdAt} />
                </Td>
                <Td>{user.disabledAt ? <Badge tone="danger">Disabled</Badge> : <Badge tone="success">Active</Badge>}</Td>
                <Td align="right">
                  {user.disabledAt ? (
                    <Button size="sm" onClick={() => enable.mutate(user.id)}>
                      Enable
                    </Button>
                  ) : (
                    <Button size="sm" disabled={user.id === ownId} onClick={() => setDisabling(user)}>
                      Disable
                    </Button>
                  )}
                </Td>
              </Tr>
            ))}
          </tbody>
        </Table>
      </Card>
      <NewUserDialog open={creating} onOpenChange={setCreating} onCreated={reload} />
      <ConfirmDialog
        open={disabling !== null}
        onOpenChange={(open) => {
          if (!open) setDisabling(null);
        }}
        title={`Disable ${disabling?.name ?? ''}?`}
        description="Every session of this person ends now, open workspaces included. A running attempt's clock goes on until it is paused or stopped. Recordings and scores stay."
        confirmLabel="Disable"
        busyLabel="Disabling…"
        tone="danger"
        onConfirm={async () => {
          if (disabling) await rpc.user.disable.mutate({ userId: disabling.id });
          await reload();
        }}
      />
    </Page>
  );
}
