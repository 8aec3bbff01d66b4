# Start-up file of a terminal's bash: reads the person's own start-up files as bash would, and marks where commands begin and
# end (OSC 633, as editors do), for the recording. Terminals draw nothing for these marks. What is needed is defined before
# the person's files are read, so that no alias of theirs is taken for a part of it, and put into place after them. Everything
# here is best effort: who replaces both PROMPT_COMMAND and PS0 at a prompt has a shell without marks.

# Marks of other programs' output, which know no nonce, are not taken for this shell's.
readonly __plumbline_nonce=${PLUMBLINE_SHELL_NONCE-}
__plumbline_login=${PLUMBLINE_SHELL_LOGIN-}
unset PLUMBLINE_SHELL_NONCE PLUMBLINE_SHELL_LOGIN
__plumbline_number=0
__plumbline_bang='\!'

# A value that may stand in a mark: no end of the mark, no separator, no line break; at most 8,192 characters.
__plumbline_escape() {
  local text=${1:0:8192}
  text=${text//\\/\\\\}
  text=${text//;/\\x3b}
  text=${text//$'\n'/\\x0a}
  text=${text//$'\t'/\\x09}
  text=${text//$'\e'/\\x1b}
  __plumbline_escaped=${text//[[:cntrl:]]/ }
}

# Runs in a subshell between reading a command and running it: the history has it already, if it keeps it.
__plumbline_started() {
  local line
  # Read anew each time that it runs, unlike the function around it: a backslash keeps aliases out.
  line=$(HISTTIMEFORMAT= \builtin history 1)
  if [[ $line =~ ^[[:space:]]*([0-9]+)[*]?[[:space:]]+(.*)$ ]] && ((BASH_REMATCH[1] >= __plumbline_number)); then
    __plumbline_escape "${BASH_REMATCH[2]}"
    builtin printf '\e]633;E;%s;%s\a' "$__plumbline_escaped" "$__plumbline_nonce"
  fi
  builtin printf '\e]633;C;%s\a' "$__plumbline_nonce"
}

# Runs first before each prompt, and leaves the exit code to what comes after it.
__plumbline_prompt() {
  local code=$?
  builtin printf '\e]633;D;%s;%s\a' "$code" "$__plumbline_nonce"
  __plumbline_escape "$PWD"
  builtin printf '\e]633;P;Cwd=%s;%s\a' "$__plumbline_escaped" "$__plumbline_nonce"
  __plumbline_number=${__plumbline_bang@P}
  return "$code"
}

# Runs last before each prompt: what the person's own part put in the place of this, as prompts that install themselves at
# the first one do, gets it back.
__plumbline_keep() {
  local code=$?
  # Without these a command has no text, or its call would be shown as text.
  builtin set -o history
  builtin shopt -s promptvars
  builtin unset HISTIGNORE
  [[ ${HISTSIZE-500} == 0 ]] && HISTSIZE=500
  [[ "${PROMPT_COMMAND[*]-}" == *__plumbline_prompt* && "${PROMPT_COMMAND[*]-}" == *__plumbline_keep* ]] || __plumbline_wrap_prompt
  [[ ${PS0-} == *__plumbline_started* ]] || PS0=${PS0-}'$({ __plumbline_started; } 2>/dev/null)'
  return "$code"
}

# In groups whose errors go nowhere, so that `set -x` shows nothing of this. The last of several commands is bash's own list.
__plumbline_wrap_prompt() {
  local last
  PROMPT_COMMAND[0]="{ __plumbline_prompt; } 2>/dev/null${PROMPT_COMMAND[0]:+;${PROMPT_COMMAND[0]}}"
  last=$((${#PROMPT_COMMAND[@]} - 1))
  if ((last == 0)); then PROMPT_COMMAND+=$'\n{ __plumbline_keep; } 2>/dev/null'
  else PROMPT_COMMAND+=('{ __plumbline_keep; } 2>/dev/null')
  fi
}

readonly -f __plumbline_escape __plumbline_started __plumbline_prompt __plumbline_keep __plumbline_wrap_prompt

if [[ $__plumbline_login == 1 ]]; then
  [[ -r /etc/profile ]] && . /etc/profile
  if [[ -r ~/.bash_profile ]]; then . ~/.bash_profile
  elif [[ -r ~/.bash_login ]]; then . ~/.bash_login
  elif [[ -r ~/.profile ]]; then . ~/.profile
  elif [[ -r ~/.bashrc ]]; then . ~/.bashrc
  fi
elif [[ -r ~/.bashrc ]]; then
  . ~/.bashrc
fi

unset __plumbline_login
if [[ -n $__plumbline_nonce ]]; then { __plumbline_keep; } 2>/dev/null; fi
