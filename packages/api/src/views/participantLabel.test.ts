import { expect, test } from 'vitest';
import { participantLabel } from './attemptView.ts';

const admin = { role: 'admin', userId: 'admin' };
const reviewer = { role: 'reviewer', userId: 'reviewer' };

test('a participant without an account is called what it is, a person or an agent', () => {
  const participant = { id: '01234567-89ab', userId: null, user: null };
  expect(participantLabel({ ...participant, kind: 'person' }, admin)).toBe('Participant 01234567');
  expect(participantLabel({ ...participant, kind: 'agent' }, admin)).toBe('Agent 01234567');
});

test('a name is shown to admins and to the person alone', () => {
  const participant = { id: '01234567-89ab', kind: 'person', userId: 'ada', user: { name: 'Ada' } };
  expect(participantLabel(participant, admin)).toBe('Ada');
  expect(participantLabel(participant, { role: 'expert', userId: 'ada' })).toBe('Ada');
  expect(participantLabel(participant, reviewer)).toBe('Participant 01234567');
});
