"""What `starbolt`, `starbolt VERB --help` print: read from the yaml files, in a moment."""

from __future__ import annotations

from starbolt.compose import UserError, conf_folder, options

VERBS = {
    "train": "train a network on your data, score it and write a report",
    "evaluate": "score a trained network on data with known answers",
    "predict": "apply a trained network to a catalogue",
    "inspect": "what is in these data: columns, units, gaps, classes, split",
    "doctor": "is this machine fit for trainings? with data= and model=: one batch through all of a run",
    "pack": "decode data once into the memory-mapped store (train does it by itself)",
    "simulate": "write a small sky to try everything on",
    "fetch": "download a public data set, verified, with its licence and whom to cite",
    "new": "write a project of your own: an archive, a network, their settings and tests",
    "runs": "list the runs here with their scores",
    "compare": "tell whether one setting is better than another, on the same objects",
    "export": "write a trained network as ONNX or torch.export file, checked on the spot",
    "reproduce": "train a run again, tell what differs and whether the scores are equal",
    "sync": "upload what runs logged offline to Weights & Biases",
}
EXAMPLES = {
    "train": (
        "starbolt train data=table data.path=cat.fits data.target=z model=mlp task=regression",
        "starbolt train data=images data.catalogue=labels.csv data.file=file data.target=class model=cnn task=classification",
        "starbolt train -m data=table data.path=cat.fits data.target=z model=mlp task=regression optim=sgd,adam 'seed=range(3)'",
    ),
    "evaluate": (
        "starbolt evaluate checkpoint=runs/NAME/DATE_TIME",
        "starbolt evaluate checkpoint=runs/NAME/DATE_TIME part=val",
        "starbolt evaluate checkpoint=runs/NAME/DATE_TIME data.path=new_labelled.fits",
    ),
    "predict": (
        "starbolt predict checkpoint=runs/NAME/DATE_TIME data.path=new.fits output=preds.parquet",
        "starbolt predict checkpoint=runs/NAME/DATE_TIME data.catalogue=new.csv output=preds.fits",
        "starbolt predict checkpoint=best.ckpt data.observations=phot.parquet data.objects=heads.parquet output=preds.parquet",
    ),
    "inspect": (
        "starbolt inspect data=table data.path=cat.fits data.target=z",
        "starbolt inspect data=images data.catalogue=labels.csv data.file=file data.target=class",
        "starbolt inspect data=series data.observations=phot.parquet data.id=snid data.time=mjd data.value=flux data.band=flt",
    ),
    "doctor": (
        "starbolt doctor",
        "starbolt doctor data=table data.path=cat.fits data.target=z model=mlp task=regression",
        "starbolt doctor experiment=eros1 trainer=gpu",
    ),
    "pack": (
        "starbolt pack data=images data.catalogue=labels.csv data.file=file data.size=64",
        "starbolt pack data=table data.path=cat.fits",
        "STARBOLT_CACHE=/scratch/me starbolt pack data=series data.observations=phot.parquet data.id=id data.time=mjd data.value=mag",
    ),
    "simulate": (
        "starbolt simulate output=sky",
        "starbolt simulate output=sky galaxies=20000 stamps=5000 stars=5000",
        "starbolt simulate output=hard_sky difficulty=2 seed=1",
    ),
    "new": (
        "starbolt new my_survey",
        "starbolt new my_survey output=projects/my_survey",
        "starbolt new starter output=group-template",
    ),
    "fetch": (
        "starbolt fetch",
        "starbolt fetch galaxy10_sdss",
        "starbolt fetch galaxy10_decals output=/scratch/me/galaxy10",
    ),
    "runs": ("starbolt runs", "starbolt runs FOLDER", "starbolt runs runs/NAME"),
    "export": (
        "starbolt export checkpoint=runs/NAME/DATE_TIME output=model.onnx",
        "starbolt export checkpoint=runs/NAME/DATE_TIME output=model.pt2",
        "starbolt export checkpoint=sweeps/NAME output=ensemble.onnx",
    ),
    "compare": (
        "starbolt compare runs/NAME/DATE_TIME runs/OTHER/DATE_TIME",
        "starbolt compare sweeps/NAME output=compare/NAME",
        "starbolt compare sweeps/OLD sweeps/NEW",
    ),
    "reproduce": (
        "starbolt reproduce runs/NAME/DATE_TIME",
        "starbolt reproduce runs/NAME/DATE_TIME run=again",
        "starbolt reproduce sweeps/NAME/TRIAL",
    ),
    "sync": ("starbolt sync", "starbolt sync runs/NAME/DATE_TIME", "starbolt sync sweeps/NAME sweeps/OTHER"),
}
COMPOSED = ("train", "inspect", "pack")


def map_of_verbs() -> str:
    """One screen: the verbs, a first command, where to read on."""
    rows = "\n".join(f"  {verb:9} {what}" for verb, what in VERBS.items())
    return (
        "starbolt: neural networks for astronomers\n\n"
        f"  starbolt VERB [word=value ...]\n\n{rows}\n\n"
        "first steps\n  starbolt simulate output=sky\n"
        "  starbolt train data=table data.path=sky/catalogue.fits data.id=objid data.target=redshift "
        "data.ra=ra data.dec=dec model=mlp task=regression\n\n"
        "  starbolt VERB --help   groups, options and three examples\n"
    )


def help_of(verb: str) -> str:
    """The verb's purpose, its groups with their options and the settings of each, and three examples."""
    if verb not in VERBS:
        raise UserError(f"there is no verb {verb!r}; the verbs are {', '.join(VERBS)}")
    lines = [f"starbolt {verb}: {VERBS[verb]}", "", "examples"]
    lines += [f"  {example}" for example in EXAMPLES[verb]]
    if verb in COMPOSED:
        lines += ["", *_groups()]
    else:
        lines += ["", *OWN_WORDS[verb]]
    return "\n".join(lines)


OWN_WORDS = {
    "evaluate": ("words", "  checkpoint=RUN or FILE", "  part=train|val|cal|test (default: test, or every labelled new object)",
                 "  output=FOLDER (default: evaluate/ in the run)",
                 "  'data.until=[0,5,10,20]'  light curves as of so many days after the first detection: score against day",
                 "  trust=[PACKAGE]  packages whose classes the checkpoint may name", "  data.*  as in train, laid over what the checkpoint was trained on"),
    "predict": ("words", "  checkpoint=RUN or FILE", "  output=FILE.parquet, .fits, .csv or .ecsv; or a FOLDER of partitions",
                "  partition=OBJECTS  made at a time (default: what takes seconds to minutes); what was killed goes on from there",
                "  share=0/4  every fourth partition (default: processes on one catalogue take what is free)",
                "  device=cuda:1  (default: the GPU where there is one)",
                "  'grid=[0,2,201]'  the densities, too, at 201 values from 0 to 2",
                "  trust=[PACKAGE]  packages whose classes the checkpoint may name",
                "  data.*  as in train, laid over what the checkpoint was trained on; the target may be absent"),
    "doctor": ("words", "  none: Python, packages, devices, memory, compiler, disks, wandb, Slurm",
               "  those of a training: one batch is read, audited, trained on, kept, read again and predicted, and timed"),
    "simulate": ("words", "  output=FOLDER galaxies=4000 stamps=1500 stars=1200 supernovae=0 difficulty=1.0 seed=0",),
    "new": ("words", "  NAME of the project: small letters, digits and underscores", "  output=FOLDER, new or empty (default: NAME)"),
    "fetch": ("words", "  NAME of the set (none: list all)",
              "  output=FOLDER (default: NAME below $STARBOLT_DATA, else below data/, where experiment=NAME looks)"),
    "runs": ("words", "  FOLDER to look in (default: runs and sweeps)",),
    "export": ("words", "  checkpoint=RUN, FILE or FOLDER of runs (an ensemble)", "  output=FILE.onnx or FILE.pt2",
               "  trust=[PACKAGE]  packages whose classes the checkpoint may name"),
    "compare": ("words", "  RUN or FOLDER of runs, several; the first setting is what the others are compared with",
                "  output=FOLDER (default: compare)", "  runs that differ only in seed and split.fold are one setting"),
    "reproduce": ("words", "  RUN, a finished one", "  run=FOLDER to train it in (default: a new one, runs/NAME/DATE_TIME)"),
    "sync": ("words", "  RUN or FOLDER of runs, several (default: runs and sweeps)"),
}  # fmt: skip


def _groups() -> list[str]:
    import yaml

    lines = ["groups (choose with group=option)"]
    folders = sorted(path.name for path in conf_folder().iterdir() if path.is_dir())
    lines += [f"  {group:11} {' | '.join(options(group))}" for group in folders]
    lines += ["", "settings of these groups (type data.WORD=VALUE and so on)"]
    for group in ("data", "split", "model", "task", "sweep", "launcher"):
        for option in options(group):
            file = conf_folder() / group / f"{option}.yaml"
            if file.is_file():
                words = [
                    key for key in yaml.safe_load(file.read_text()) if not key.startswith("_") and key != "defaults"
                ]
                lines += _wrapped(f"  {group}={option}: ", words)
    top = yaml.safe_load((conf_folder() / "train.yaml").read_text())
    rest = [f"{k}={v}" for k, v in top.items() if not isinstance(v, dict | list)]
    flags = [
        "  run=FOLDER  go on with a run       like=RUN  begin with the settings of another run",
        "  -m  every combination of the values given (a sweep)       sweep.best=NAME  train the winner of one",
        "  --compose  write the run's folder and train nothing (scripts/slurm/train.sbatch does the rest)",
    ]
    return [*lines, "", *_wrapped("others: ", rest), *flags]


def _wrapped(head: str, words: list[str]) -> list[str]:
    import textwrap

    return textwrap.wrap(" ".join(words), 110, initial_indent=head, subsequent_indent="      ", break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip
