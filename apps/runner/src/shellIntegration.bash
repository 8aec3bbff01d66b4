# Start-up file of a terminal's bash: reads the person's own start-up files as bash would, and then marks where commands
# begin and end (OSC 633, as editors do), for the recording. Terminals draw nothing for these marks. Everything here is
# best effort: who replaces PROMPT_COMMAND and PS0 later has a shell without marks.

if [[ ${PLUMBLINE_SHELL_LOGIN-} == 1 ]]; then
  [[ -r /etc/profile ]] && . /etc/profile
  if [[ -r ~/.bash_profile ]]; then . ~/.bash_profile
  elif [[ -r ~/.bash_login ]]; then . ~/.bash_login
  elif [[ -r ~/.profile ]]; then . ~/.profile
  elif [[ -r ~/.bashrc ]]; then . ~/.bashrc
  fi
elif [[ -r ~/.bashrc ]]; then
  . ~/.bashrc
fi

# Marks of other programs' output, which know no nonce, are not taken for this shell's.
__plumbline_nonce=${PLUMBLINE_SHELL_NONCE-}
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
  line=$(HISTTIMEFORMAT= builtin history 1)
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

# Without prompt expansion the call below would be shown as text.
if [[ -n $__plumbline_nonce ]] && shopt -q promptvars; then
  # In groups whose errors go nowhere, so that `set -x` shows nothing of this.
  PROMPT_COMMAND="{ __plumbline_prompt; } 2>/dev/null${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
  PS0=${PS0-}'$({ __plumbline_started; } 2>/dev/null)'
fi
