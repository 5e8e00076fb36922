<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name />
    <message numerus="yes">
        <source>{text} (%n times)</source>
        <translation>
            <numerusform>{text} (once)</numerusform>
            <numerusform>{text} (%n times)</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n training examples deleted.</source>
        <translation>
            <numerusform>One training example deleted.</numerusform>
            <numerusform>%n training examples deleted.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n sessions repaired.</source>
        <translation>
            <numerusform>One session repaired.</numerusform>
            <numerusform>%n sessions repaired.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Move %n sessions to the trash?</source>
        <translation>
            <numerusform>Move one session to the trash?</numerusform>
            <numerusform>Move %n sessions to the trash?</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n sessions moved to the trash.</source>
        <translation>
            <numerusform>One session moved to the trash.</numerusform>
            <numerusform>%n sessions moved to the trash.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n sessions</source>
        <translation>
            <numerusform>One session</numerusform>
            <numerusform>%n sessions</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n markers were added.</source>
        <translation>
            <numerusform>One marker was added.</numerusform>
            <numerusform>%n markers were added.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n of the file's lie outside the session.</source>
        <translation>
            <numerusform>One of the file's lies outside the session.</numerusform>
            <numerusform>%n of the file's lie outside the session.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Training needs at least {least} faces (%n stored).</source>
        <translation>
            <numerusform>Training needs at least {least} faces (%n stored).</numerusform>
            <numerusform>Training needs at least {least} faces (%n stored).</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Details of %n sessions</source>
        <translation>
            <numerusform>Details of %n session</numerusform>
            <numerusform>Details of %n sessions</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n pictures</source>
        <translation>
            <numerusform>%n picture</numerusform>
            <numerusform>%n pictures</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Only the first of %n files is opened.</source>
        <translation>
            <numerusform>Only the first of %n file is opened.</numerusform>
            <numerusform>Only the first of %n files is opened.</numerusform>
        </translation>
    </message>
</context>
</TS>
