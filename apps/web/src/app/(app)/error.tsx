'use client';

// Inside the bar: one can still go elsewhere.
export { default } from '../error.tsx';
