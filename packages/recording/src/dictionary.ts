/**
 * What a compressor of units has seen before it begins: the words of the format itself, and of terminals in general. A
 * segment of a few kilobytes would otherwise spend a tenth of its size on saying them. `docs/recording-format.md` has this
 * text as well, for it is a part of the format: it never changes, and another one gets another form of objects.
 */
const LINES: readonly string[] = [
  ',"ew",0,{"tab":"","path":"","hash":"","size":',
  ',"et",0,{"tab":"","path":"","version":,"text":"',
  ',"es",0,{"tab":"","path":"","anchor":,"active":',
  ',"e",0,{"tab":"","path":"","version":,"changes":[{"offset":,"length":0,"text":"',
  ',"f",0,{"op":"created","path":"","size":,"hash":"',
  ',"fp",0,{"tab":"","visible":true,"focused":false}]',
  ',"sn",0,{"cause":"periodic","tree":"","commit":"","bundle":"","files":,"bytes":,"skipped":[]}]',
  ',"sr",0,{"scoreId":"","n":1,"trigger":"participant","elapsedMs":',
  ',"sf",0,{"scoreId":"","n":1,"trigger":"participant","status":"scored","score":,"message":,"durationMs":',
  ',"rs",0,{"cpuMs":,"memoryBytes":,"memoryLimitBytes":,"diskBytes":,"diskFreeBytes":,"processes":',
  ',"gpus":[{"index":0,"usePercent":,"memoryBytes":',
  ',"nl",0,{"tab":"","roundTripMs":',
  ',"c",0,{"n":1,"event":{"kind":"started"}}]',
  ',"to",1,{"cols":120,"rows":30,"term":"xterm-256color","shell":"/bin/bash","name":"Terminal 1"}]',
  ',"cs",1,{"text":"","directory":"/home/agent"}]',
  ',"cf",1,{"exitCode":0,"durationMs":',
  ',"k",1,{"cols":120,"rows":30,"offset":,"screen":"\\u001b[H',
  ',"i",1,{"tab":"","n":,"bytes":"\\r"}]',
  '\\u001b[?1049h\\u001b[H\\u001b[2J\\u001b[?1049l\\u001b[?25l\\u001b[?25h\\u001b[?2004l\\r\\u001b[?2004h\\u001b[7m\\u001b[27m\\u001b[1m',
  '\\u001b[1;32m\\u001b[01;34m\\u001b[31m\\u001b[33m\\u001b[36m\\u001b[90m\\u001b[39m\\u001b[m\\u001b[K\\r\\u001b[2K\\u001b[32m\\u001b[0m ',
  ',"o",2,[0,"\\u001b[',
  ',"o",1,[0,"\\r\\n"]]',
  '{"format":"plumbline-batch/1","firstSeq":1,"baseMs":17,"starts":false,"lines":1,"sources":["runner:',
  '{"format":"plumbline-recording/1","attempt":"","segment":1,"firstSeq":1,"lines":1,"baseMs":17',
  ',"previousRoot":"","sources":["platform","gateway:1","tab:","runner:"],"runs":[[0,1,1],[1,',
];

export const DICTIONARY_TEXT = LINES.join('\n');
