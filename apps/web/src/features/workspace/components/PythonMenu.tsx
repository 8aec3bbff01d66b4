'use client';
import { Menu, MenuContent, MenuLabel, MenuRadioGroup, MenuRadioItem, MenuTrigger, toast } from '@plumbline/ui';
import { useCallback, useEffect, useState } from 'react';
import { type Interpreters, nameOfPython, type PythonHelp } from '../model/pythonHelp.ts';

const BY_ITSELF = '';

/** The Python whose packages the help knows, as the sandbox has them: found as VS Code does, and chosen here. */
export function PythonMenu({ help }: { help: PythonHelp }) {
  const [found, setFound] = useState<Interpreters | null>(null);
  const [open, setOpen] = useState(false);
  const look = useCallback(() => {
    help.interpreters().then(setFound, () => {});
  }, [help]);
  useEffect(look, [look]);
  useEffect(() => {
    // The palette, from which this comes, gives the focus back after it closed; a menu that opens before would close by that.
    const onOpen = () =>
      requestAnimationFrame(() =>
        setTimeout(() => {
          look();
          setOpen(true);
        }),
      );
    window.addEventListener('plumbline:python', onOpen);
    return () => window.removeEventListener('plumbline:python', onOpen);
  }, [look]);

  const choose = (path: string) => {
    help
      .useInterpreter(path === BY_ITSELF ? null : path)
      .catch((error: unknown) => toast.error(error instanceof Error ? error.message : 'This Python could not be chosen.'))
      .finally(look);
  };
  const used = found?.interpreters.find(({ path }) => path === found.used);
  return (
    <Menu
      open={open}
      onOpenChange={(next) => {
        if (next) look();
        setOpen(next);
      }}
    >
      <MenuTrigger data-testid="python" className="rounded px-1 hover:bg-hover" title="The Python whose packages the editor knows">
        {used ? nameOfPython(used) : 'Python'}
      </MenuTrigger>
      <MenuContent>
        <MenuLabel>Python for completions, definitions and problems</MenuLabel>
        <MenuRadioGroup value={found?.chosen ? found.used : BY_ITSELF} onValueChange={choose}>
          <MenuRadioItem value={BY_ITSELF}>That of .venv or venv, or else the sandbox’s</MenuRadioItem>
          {found?.interpreters.map((one) => (
            <MenuRadioItem key={one.path} value={one.path}>
              <span className="flex-1 pr-4">{nameOfPython(one)}</span>
              <span className="font-mono text-xs text-muted">{one.path}</span>
            </MenuRadioItem>
          ))}
        </MenuRadioGroup>
      </MenuContent>
    </Menu>
  );
}
