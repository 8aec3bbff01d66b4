'use client';
import { Chord, CommandDialog, CommandGroup, CommandItem } from '@plumbline/ui';
import { flushSync } from 'react-dom';
import { type Command, keyLabel, keysOf } from '../model/commands.ts';

/** Ctrl-Shift-P or F1: everything that the workspace and its editor can do, by name, with its keys. */
export function CommandPalette({
  open,
  onOpenChange,
  commands,
  editorCommands,
}: {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  commands: Command[];
  /** Of the file in use now. */
  editorCommands: Command[];
}) {
  const groups = { Commands: commands.filter(({ isUnlisted }) => !isUnlisted), Editor: editorCommands };
  return (
    <CommandDialog open={open} onOpenChange={onOpenChange} label="Commands" placeholder="What would you like to do?">
      {Object.entries(groups).map(([heading, ofGroup]) => (
        <CommandGroup key={heading} heading={heading}>
          {ofGroup.map(({ id, title, run, ...command }) => {
            const keys = keysOf(command, navigator.platform);
            return (
              <CommandItem
                key={id}
                value={title}
                data-testid={`command-${id}`}
                onSelect={() => {
                  // What it shows may take the keyboard at once, which an open dialog would take back.
                  flushSync(() => onOpenChange(false));
                  run();
                }}
              >
                <span className="flex-1">{title}</span>
                {keys ? <Chord keys={keys.map((key) => keyLabel(key, navigator.platform))} /> : null}
              </CommandItem>
            );
          })}
        </CommandGroup>
      ))}
    </CommandDialog>
  );
}
