"""The kinds of fenced divs that lesson writers use, and the word that names each to a class."""

CALLOUTS = {
    "callout": "",
    "spoiler": "",
    "discussion": "Discussion",
    "prereq": "Before you start",
    "testimonial": "",
    "checklist": "Checklist",
    "caution": "Caution",
    "warning": "Warning",
    "danger": "Danger",
    "important": "Important",
    "attention": "Attention",
    "note": "Note",
    "info": "Info",
    "tip": "Tip",
    "hint": "Hint",
}
BOXES = {
    "objectives": "Objectives",
    "questions": "Questions",
    "keypoints": "Key points",
    "overview": "Overview",
}
EXERCISES = {"challenge": "Exercise", "exercise": "Exercise", "activity": "Activity"}
ANSWERS = {"solution": "Solution", "answer": "Answer"}
NOTES = {"instructor", "notes", "note-instructor", "speaker-notes"}
PLAIN = {"columns", "column", "group-tab", "tab", "incremental", "center", "fragment"}
KNOWN = {*CALLOUTS, *BOXES, *EXERCISES, *ANSWERS, *NOTES, *PLAIN}
