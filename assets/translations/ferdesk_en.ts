<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name></name>
    <message numerus="yes">
        <source>{text} (%n times)</source>
        <translation>
            <numerusform>{text} (once)</numerusform>
            <numerusform>{text} (%n times)</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n stored faces were deleted.</source>
        <translation>
            <numerusform>One stored face was deleted.</numerusform>
            <numerusform>%n stored faces were deleted.</numerusform>
        </translation>
    </message>
</context>
</TS>
