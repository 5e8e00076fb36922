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
        <source>%n of the file&apos;s lie outside the session.</source>
        <translation>
            <numerusform>One of the file&apos;s lies outside the session.</numerusform>
            <numerusform>%n of the file&apos;s lie outside the session.</numerusform>
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
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>%n failed</numerusform>
            <numerusform>%n failed</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>{name} (%n pictures)</source>
        <translation>
            <numerusform>{name} (%n picture)</numerusform>
            <numerusform>{name} (%n pictures)</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The queue has ended; %n files could not be analysed.</source>
        <translation>
            <numerusform>The queue has ended; %n file could not be analysed.</numerusform>
            <numerusform>The queue has ended; %n files could not be analysed.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n streams found.</source>
        <translation>
            <numerusform>%n stream found.</numerusform>
            <numerusform>%n streams found.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n files of the last queue are not analysed yet.</source>
        <translation>
            <numerusform>%n file of the last queue is not analysed yet.</numerusform>
            <numerusform>%n files of the last queue are not analysed yet.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>No neutral baseline was taken: %n faces were seen.</source>
        <translation>
            <numerusform>No neutral baseline was taken: %n face was seen.</numerusform>
            <numerusform>No neutral baseline was taken: %n faces were seen.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n stimuli</source>
        <translation>
            <numerusform>%n stimulus</numerusform>
            <numerusform>%n stimuli</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n pictures came too late and were left out.</source>
        <translation>
            <numerusform>%n picture came too late and was left out.</numerusform>
            <numerusform>%n pictures came too late and were left out.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n sessions were left out:</source>
        <translation>
            <numerusform>%n session was left out:</numerusform>
            <numerusform>%n sessions were left out:</numerusform>
        </translation>
    </message>
</context>
</TS>
