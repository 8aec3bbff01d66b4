# Runs after gpt.py's text, in the process that holds the participant's weights: prompts come in, answers go out.
import json
import sys
import traceback


def main():
    request = json.load(sys.stdin)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_num_threads(1 if device == "cpu" else torch.get_num_threads())
    try:
        model = load(request["path"], device)
    except BaseException as error:
        print(json.dumps({"broken": "solution/model.pt could not be loaded: %s" % traceback.format_exception_only(type(error), error)[-1][:1500]}))
        return
    if model.config != request["config"]:
        print(json.dumps({"broken": "The architecture was changed: %s instead of %s" % (model.config, request["config"])}))
    elif not all(bool(torch.isfinite(value).all()) for value in model.state_dict().values()):
        print(json.dumps({"broken": "The weights are not all finite numbers."}))
    else:
        print(json.dumps({"answers": continue_text(model, request["prompts"], request["new_tokens"], request["end"])}))


main()
