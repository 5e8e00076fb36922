<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name></name>
    <message>
        <source>1 row</source>
        <translation>1 行</translation>
    </message>
    <message>
        <source>angry</source>
        <translation>愤怒</translation>
    </message>
    <message>
        <source>disgust</source>
        <translation>厌恶</translation>
    </message>
    <message>
        <source>fear</source>
        <translation>恐惧</translation>
    </message>
    <message>
        <source>happy</source>
        <translation>高兴</translation>
    </message>
    <message>
        <source>sad</source>
        <translation>悲伤</translation>
    </message>
    <message>
        <source>surprise</source>
        <translation>惊讶</translation>
    </message>
    <message>
        <source>neutral</source>
        <translation>中性</translation>
    </message>
    <message>
        <source>Probabilities of the selected face</source>
        <translation>所选人脸的概率</translation>
    </message>
    <message>
        <source>raw</source>
        <translation>原始</translation>
    </message>
    <message>
        <source>Bar: smoothed over time. Tick: raw value of this frame.</source>
        <translation>条形：时间平滑值。刻度：本帧原始值。</translation>
    </message>
    <message>
        <source>Bar and “now”: smoothed over time, in per cent. Tick and “raw”: the value of this frame alone.</source>
        <translation>条形与“当前”：随时间平滑后的百分比。刻度与“原始”：仅此一帧的值。</translation>
    </message>
    <message>
        <source>What ferdesk does</source>
        <translation>ferdesk 做什么</translation>
    </message>
    <message>
        <source>ferdesk detects faces in a camera, video or photo and classifies each as one of seven expressions: angry, disgust, fear, happy, sad, surprise or neutral. It does not identify people.</source>
        <translation>ferdesk 检测摄像头、视频或照片中的人脸，并将每张人脸归为七种表情之一：愤怒、厌恶、恐惧、高兴、悲伤、惊讶或中性。它不识别身份。</translation>
    </message>
    <message>
        <source>Your data stays on this computer</source>
        <translation>数据保留在本机</translation>
    </message>
    <message>
        <source>Everything runs on this computer, without the internet. Nothing is sent to other programs unless you turn on a stream in the menu beside Record.</source>
        <translation>全部计算都在本机完成，无需联网。除非您在“录制”旁的菜单中打开推流，否则不会向其他程序发送任何数据。</translation>
    </message>
    <message>
        <source>What is saved, and when</source>
        <translation>保存什么，何时保存</translation>
    </message>
    <message>
        <source>Nothing until you ask: Record saves data (and video or sound, if you choose) to a folder, Snapshot saves one image, a corrected label saves one small face image. Settings and a log without images are always kept.</source>
        <translation>未经您要求不会保存任何内容：“录制”将数据（以及您选择的视频或声音）保存到文件夹，“快照”保存一张图像，更正标签会保存一张小的面部图像。设置和不含图像的日志始终保留。</translation>
    </message>
    <message>
        <source>A label is not an emotion</source>
        <translation>标签不等于情绪</translation>
    </message>
    <message>
        <source>The labels are a model&apos;s estimate of how observers would describe a face. They are often wrong, and a face does not prove what a person feels. Do not use them to make decisions about people.</source>
        <translation>标签是模型对旁观者会如何描述一张脸的估计，经常出错，而且面部并不能证明一个人的真实感受。请勿据此对他人作出决定。</translation>
    </message>
    <message>
        <source>Legal limits</source>
        <translation>法律限制</translation>
    </message>
    <message>
        <source>In the European Union, inferring emotions of people at work and in education is prohibited, except for medical or safety reasons (AI Act, article 5); other laws may require more. Analyse other people only with their consent, and in research with ethics approval.</source>
        <translation>在欧盟，禁止在工作场所和教育中推断他人情绪，医疗或安全用途除外（《人工智能法》第 5 条）；其他法律可能有更多要求。仅在取得同意后分析他人；用于研究时须经伦理审批。</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Agree and start</source>
        <translation>同意并开始</translation>
    </message>
    <message>
        <source>Do not agree</source>
        <translation>不同意</translation>
    </message>
    <message>
        <source>Before you start</source>
        <translation>开始之前</translation>
    </message>
    <message>
        <source>If you do not agree, ferdesk closes without opening a camera.</source>
        <translation>如果不同意，ferdesk 将关闭，且不会打开摄像头。</translation>
    </message>
    <message>
        <source>move closer or use a higher resolution</source>
        <translation>请靠近摄像头或使用更高分辨率</translation>
    </message>
    <message>
        <source>face the camera</source>
        <translation>请面向摄像头</translation>
    </message>
    <message>
        <source>keep the head or the camera upright</source>
        <translation>请保持头部或摄像头端正</translation>
    </message>
    <message>
        <source>needs more light</source>
        <translation>需要更多光线</translation>
    </message>
    <message>
        <source>needs less light</source>
        <translation>需要减少光线</translation>
    </message>
    <message>
        <source>hold still, or clean and focus the camera</source>
        <translation>请保持不动，或清洁并对焦摄像头</translation>
    </message>
    <message>
        <source>Low confidence: no label is clearly ahead of the others. The label is the most probable one, but it is often wrong. The settings hold the limits.</source>
        <translation>置信度低：没有哪个标签明显领先。所示标签是可能性最大的，但经常出错。界限可在设置中调整。</translation>
    </message>
    <message>
        <source>This face is {reason}, so it gets no label: {advice}. Rows are still recorded and are marked as uncertain.</source>
        <translation>此人脸{reason}，因此不给出标签：{advice}。数据行仍会记录，并标记为不确定。</translation>
    </message>
    <message>
        <source>Why low confidence?</source>
        <translation>为什么置信度低？</translation>
    </message>
    <message>
        <source>Faces</source>
        <translation>人脸</translation>
    </message>
    <message>
        <source>Low confidence: {label}</source>
        <translation>低置信度：{label}</translation>
    </message>
    <message>
        <source>Name of the selected face</source>
        <translation>所选人脸的名称</translation>
    </message>
    <message>
        <source>Saved with the recording; cleared when the source changes (N)</source>
        <translation>随录制一起保存；切换来源时清除（N）</translation>
    </message>
    <message>
        <source>Not visible</source>
        <translation>不可见</translation>
    </message>
    <message>
        <source>Shows: {label}</source>
        <translation>显示：{label}</translation>
    </message>
    <message>
        <source>model estimate</source>
        <translation>模型估计</translation>
    </message>
    <message>
        <source>Last seen: {said}</source>
        <translation>最近一次：{said}</translation>
    </message>
    <message>
        <source>Click a face to select it</source>
        <translation>单击人脸以选中</translation>
    </message>
    <message>
        <source>Name of this face</source>
        <translation>此人脸的名称</translation>
    </message>
    <message>
        <source>face</source>
        <translation>人脸</translation>
    </message>
    <message>
        <source>label</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Face #{id} · last values</source>
        <translation>人脸 #{id} · 最后的数值</translation>
    </message>
    <message>
        <source>no label is clearly ahead</source>
        <translation>没有明显领先的标签</translation>
    </message>
    <message>
        <source>Face #{id}</source>
        <translation>人脸 #{id}</translation>
    </message>
    <message>
        <source>No face</source>
        <translation>没有人脸</translation>
    </message>
    <message>
        <source>Camera format</source>
        <translation>摄像头格式</translation>
    </message>
    <message>
        <source>Resolution</source>
        <translation>分辨率</translation>
    </message>
    <message>
        <source>Camera default</source>
        <translation>摄像头默认</translation>
    </message>
    <message>
        <source>Frame rate</source>
        <translation>帧率</translation>
    </message>
    <message>
        <source>Camera delivers {given}; requested: {asked}</source>
        <translation>摄像头实际输出：{given}；请求：{asked}</translation>
    </message>
    <message>
        <source>Evidence for the label</source>
        <translation>支持该标签的依据</translation>
    </message>
    <message>
        <source>Attention, last layer</source>
        <translation>注意力（最后一层）</translation>
    </message>
    <message>
        <source>Attention, early layer</source>
        <translation>注意力（早期层）</translation>
    </message>
    <message>
        <source>Bright areas get more weight in the model. They do not show which expression.</source>
        <translation>明亮区域在模型中权重更大，但不表示支持哪种表情。</translation>
    </message>
    <message>
        <source>Bright areas get more weight in an early layer (finer detail). They do not show which expression.</source>
        <translation>明亮区域在较早的层（细节更精细）中权重更大，但不表示支持哪种表情。</translation>
    </message>
    <message>
        <source>Bright areas support this expression. They do not show what the person feels.</source>
        <translation>明亮区域支持该表情，但不代表此人的真实感受。</translation>
    </message>
    <message>
        <source>Viridis</source>
        <translation>Viridis</translation>
    </message>
    <message>
        <source>Inferno</source>
        <translation>Inferno</translation>
    </message>
    <message>
        <source>Cividis</source>
        <translation>Cividis</translation>
    </message>
    <message>
        <source>This model has no such map. The bundled models have all three; ferdesk-train export adds them too.</source>
        <translation>当前模型不提供此图。内置模型提供全部三种；ferdesk-train export 也会导出这些图。</translation>
    </message>
    <message>
        <source>Scale from {low:.2f} to {high:.2f}</source>
        <translation>刻度从 {low:.2f} 到 {high:.2f}</translation>
    </message>
    <message>
        <source>Heatmap</source>
        <translation>热图</translation>
    </message>
    <message>
        <source>Show heatmap (H)</source>
        <translation>显示热图（H）</translation>
    </message>
    <message>
        <source>Expression of the class activation map</source>
        <translation>类激活图对应的表情</translation>
    </message>
    <message>
        <source>predicted label</source>
        <translation>预测标签</translation>
    </message>
    <message>
        <source>Heatmap opacity</source>
        <translation>热图不透明度</translation>
    </message>
    <message>
        <source>contribution to the score</source>
        <translation>对得分的贡献</translation>
    </message>
    <message>
        <source>weight (0 to 1)</source>
        <translation>权重（0 到 1）</translation>
    </message>
    <message>
        <source>Evidence for</source>
        <translation>支持的表情</translation>
    </message>
    <message>
        <source>Map</source>
        <translation>图</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Opacity</source>
        <translation>不透明度</translation>
    </message>
    <message>
        <source>Demo</source>
        <translation>演示</translation>
    </message>
    <message>
        <source>Camera {number}</source>
        <translation>摄像头 {number}</translation>
    </message>
    <message>
        <source>Start recording (R) to add markers.</source>
        <translation>开始录制（R）后才能添加标记。</translation>
    </message>
    <message>
        <source>Recording saved to {folder} ({rows}).</source>
        <translation>录制已保存到 {folder}（{rows}）。</translation>
    </message>
    <message>
        <source>Marker sent to the stream only (not recording).</source>
        <translation>标记仅发送到推流（未在录制）。</translation>
    </message>
    <message>
        <source>Source reconnected.</source>
        <translation>来源已重新连接。</translation>
    </message>
    <message>
        <source>Marker “{label}” at {time}.</source>
        <translation>标记“{label}”，时间 {time}。</translation>
    </message>
    <message>
        <source>{why} Showing the {source} instead.</source>
        <translation>{why} 改为显示{source}。</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>开始</translation>
    </message>
    <message>
        <source>No camera found. Showing the demo instead.</source>
        <translation>未找到摄像头，正在显示演示视频。</translation>
    </message>
    <message>
        <source>What was typed is no address. An address begins with its protocol and names a host, for example rtsp://host/path.</source>
        <translation>输入的内容不是地址。地址以协议开头并包含主机名，例如 rtsp://host/path。</translation>
    </message>
    <message>
        <source>Start or stop the source</source>
        <translation>启动或停止来源</translation>
    </message>
    <message>
        <source>Open demo</source>
        <translation>打开演示</translation>
    </message>
    <message>
        <source>Choose source…</source>
        <translation>选择来源…</translation>
    </message>
    <message>
        <source>Record</source>
        <translation>录制</translation>
    </message>
    <message>
        <source>Resume recording</source>
        <translation>继续录制</translation>
    </message>
    <message>
        <source>Pause recording</source>
        <translation>暂停录制</translation>
    </message>
    <message>
        <source>New recording…</source>
        <translation>新录制…</translation>
    </message>
    <message>
        <source>Name, participant, length and folder of a new recording</source>
        <translation>新录制的名称、参与者、时长和文件夹</translation>
    </message>
    <message>
        <source>Pause or resume the recording</source>
        <translation>暂停或继续录制</translation>
    </message>
    <message>
        <source>Recording starts in {seconds} s</source>
        <translation>{seconds} 秒后开始录制</translation>
    </message>
    <message>
        <source>Face #{id}: keep a neutral face for {seconds} s</source>
        <translation>人脸 #{id}：请保持中性表情 {seconds} 秒</translation>
    </message>
    <message>
        <source>Snapshot</source>
        <translation>快照</translation>
    </message>
    <message>
        <source>Save snapshot</source>
        <translation>保存快照</translation>
    </message>
    <message>
        <source>Show heatmap</source>
        <translation>显示热图</translation>
    </message>
    <message>
        <source>Mirror the preview</source>
        <translation>镜像预览</translation>
    </message>
    <message>
        <source>Zoom the picture out (wheel)</source>
        <translation>缩小画面（滚轮）</translation>
    </message>
    <message>
        <source>Whole picture</source>
        <translation>整个画面</translation>
    </message>
    <message>
        <source>Show the whole picture</source>
        <translation>显示整个画面</translation>
    </message>
    <message>
        <source>Show or hide panels</source>
        <translation>显示或隐藏面板</translation>
    </message>
    <message>
        <source>Performance statistics</source>
        <translation>性能统计</translation>
    </message>
    <message>
        <source>Add a marker with a text</source>
        <translation>添加带文字的标记</translation>
    </message>
    <message>
        <source>Mirror</source>
        <translation>镜像</translation>
    </message>
    <message>
        <source>Record results to CSV</source>
        <translation>将结果录制为 CSV</translation>
    </message>
    <message>
        <source>Panels</source>
        <translation>面板</translation>
    </message>
    <message>
        <source>Reset layout</source>
        <translation>重置布局</translation>
    </message>
    <message>
        <source>Full screen</source>
        <translation>全屏</translation>
    </message>
    <message>
        <source>Statistics</source>
        <translation>统计</translation>
    </message>
    <message>
        <source>Play/pause</source>
        <translation>播放/暂停</translation>
    </message>
    <message>
        <source>Previous frame (Left)</source>
        <translation>上一帧（左方向键）</translation>
    </message>
    <message>
        <source>Next frame (Right)</source>
        <translation>下一帧（右方向键）</translation>
    </message>
    <message>
        <source>Previous marker or comment</source>
        <translation>上一个标记或评论</translation>
    </message>
    <message>
        <source>Next marker or comment</source>
        <translation>下一个标记或评论</translation>
    </message>
    <message>
        <source>Go to a time</source>
        <translation>跳转到某一时间</translation>
    </message>
    <message>
        <source>Show the whole session</source>
        <translation>显示整个会话</translation>
    </message>
    <message>
        <source>Next face</source>
        <translation>下一张人脸</translation>
    </message>
    <message>
        <source>Previous face</source>
        <translation>上一张人脸</translation>
    </message>
    <message>
        <source>Name the selected face</source>
        <translation>为选中的人脸命名</translation>
    </message>
    <message>
        <source>Split track at cursor</source>
        <translation>在光标处拆分轨迹</translation>
    </message>
    <message>
        <source>Exclude/include face in statistics</source>
        <translation>在统计中排除/包含此人脸</translation>
    </message>
    <message>
        <source>Reset edits</source>
        <translation>重置修改</translation>
    </message>
    <message>
        <source>Undo all merges and splits of the selected face</source>
        <translation>撤销选中人脸的所有合并与拆分</translation>
    </message>
    <message>
        <source>Marker…</source>
        <translation>标记…</translation>
    </message>
    <message>
        <source>Add a marker at the cursor</source>
        <translation>在光标处添加标记</translation>
    </message>
    <message>
        <source>Add a comment at the cursor</source>
        <translation>在光标处添加评论</translation>
    </message>
    <message>
        <source>Import markers from a CSV file with time and label</source>
        <translation>从含时间和标签的 CSV 文件导入标记</translation>
    </message>
    <message>
        <source>Edit session notes</source>
        <translation>编辑会话备注</translation>
    </message>
    <message>
        <source>Create a report of this session</source>
        <translation>生成此会话的报告</translation>
    </message>
    <message>
        <source>Add numbered marker at the cursor, 1 to 9</source>
        <translation>在光标处添加编号标记，1 至 9</translation>
    </message>
    <message>
        <source>Marker names…</source>
        <translation>标记名称…</translation>
    </message>
    <message>
        <source>Open file…</source>
        <translation>打开文件…</translation>
    </message>
    <message>
        <source>Open folder of pictures…</source>
        <translation>打开图片文件夹…</translation>
    </message>
    <message>
        <source>Open address…</source>
        <translation>打开地址…</translation>
    </message>
    <message>
        <source>Review</source>
        <translation>回看</translation>
    </message>
    <message numerus="yes">
        <source>Only the first of %n files is opened.</source>
        <translation>
            <numerusform>%n 个文件中只打开第一个。</numerusform>
        </translation>
    </message>
    <message>
        <source>Analyse all of them</source>
        <translation>全部分析</translation>
    </message>
    <message>
        <source>Review recordings</source>
        <translation>回看录制</translation>
    </message>
    <message>
        <source>Analyse files…</source>
        <translation>分析文件…</translation>
    </message>
    <message>
        <source>Analyse files and folders in the background, one after the other</source>
        <translation>在后台依次分析文件和文件夹</translation>
    </message>
    <message>
        <source>Run a study…</source>
        <translation>运行研究…</translation>
    </message>
    <message>
        <source>Show stimuli to a participant while the camera is recorded</source>
        <translation>在摄像头录制时向被试呈现刺激</translation>
    </message>
    <message>
        <source>Markers from LSL…</source>
        <translation>来自 LSL 的标记…</translation>
    </message>
    <message>
        <source>Take the markers of another program&apos;s stream into recordings</source>
        <translation>将另一个程序的流中的标记纳入录制</translation>
    </message>
    <message>
        <source>Settings…</source>
        <translation>设置…</translation>
    </message>
    <message>
        <source>Report a problem…</source>
        <translation>报告问题…</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Saved {path}.</source>
        <translation>已保存 {path}。</translation>
    </message>
    <message>
        <source>Can&apos;t create the folder {path}: {why}.</source>
        <translation>无法创建文件夹 {path}：{why}。</translation>
    </message>
    <message>
        <source>Starting training…</source>
        <translation>正在启动训练…</translation>
    </message>
    <message>
        <source>Saved as {label}: {path}. It stays on this computer.</source>
        <translation>已保存为“{label}”：{path}。数据只保留在本机。</translation>
    </message>
    <message>
        <source>Training did not produce a model.</source>
        <translation>训练未生成模型。</translation>
    </message>
    <message>
        <source>Use this model</source>
        <translation>使用此模型</translation>
    </message>
    <message>
        <source>Training finished: {path}</source>
        <translation>训练完成：{path}</translation>
    </message>
    <message>
        <source>Label this face as…</source>
        <translation>将此人脸标注为…</translation>
    </message>
    <message>
        <source>Can&apos;t save the picture to {path}. Is the disk full?</source>
        <translation>无法将图像保存到 {path}。磁盘是否已满？</translation>
    </message>
    <message>
        <source>Press C, then 1-7, to save this face as a training example.</source>
        <translation>按 C，再按 1-7，将此人脸保存为训练样本。</translation>
    </message>
    <message>
        <source>Label of the training examples</source>
        <translation>训练样本的标签</translation>
    </message>
    <message>
        <source>Training examples</source>
        <translation>训练样本</translation>
    </message>
    <message>
        <source>Permanently delete the selected examples (Del)</source>
        <translation>永久删除所选样本（Del）</translation>
    </message>
    <message>
        <source>Train a model</source>
        <translation>训练模型</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Command that trains a model on these examples</source>
        <translation>用这些样本训练模型的命令</translation>
    </message>
    <message numerus="yes">
        <source>Training needs at least {least} faces (%n stored).</source>
        <translation>
            <numerusform>训练至少需要 {least} 张人脸（已保存 %n 张）。</numerusform>
        </translation>
    </message>
    <message>
        <source>Baseline of face #{id} not finished: the face was not visible.</source>
        <translation>人脸 #{id} 的基线未完成：人脸不可见。</translation>
    </message>
    <message>
        <source>Face #{id} was classified as {label} ({share:.0%}) during calibration. If it was not neutral, undo the baseline and calibrate again.</source>
        <translation>校准期间人脸 #{id} 被判为{label}（{share:.0%}）。如果当时不是中性表情，请撤销基线并重新校准。</translation>
    </message>
    <message>
        <source>Face #{id} is already neutral; no correction needed.</source>
        <translation>人脸 #{id} 已是中性，无需校正。</translation>
    </message>
    <message>
        <source>Already neutral; no correction needed.</source>
        <translation>已是中性，无需校正。</translation>
    </message>
    <message>
        <source>Adjusted: {labels}</source>
        <translation>已校正：{labels}</translation>
    </message>
    <message>
        <source>Neutral baseline progress</source>
        <translation>中性基线采集进度</translation>
    </message>
    <message>
        <source>Calibrate</source>
        <translation>校准</translation>
    </message>
    <message>
        <source>Record a {time:.0f}-second neutral baseline for this face</source>
        <translation>为此人脸采集 {time:.0f} 秒中性基线</translation>
    </message>
    <message>
        <source>Keep a neutral face…</source>
        <translation>请保持中性表情…</translation>
    </message>
    <message>
        <source>Cancel calibration</source>
        <translation>取消校准</translation>
    </message>
    <message>
        <source>Remove the neutral baseline</source>
        <translation>移除中性基线</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Baseline: off</source>
        <translation>基线：关</translation>
    </message>
    <message>
        <source>◎ Baseline: on</source>
        <translation>◎ 基线：开</translation>
    </message>
    <message>
        <source>{button}: neutral baseline</source>
        <translation>{button}：中性基线</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Source</source>
        <translation>来源</translation>
    </message>
    <message>
        <source>No camera found</source>
        <translation>未找到摄像头</translation>
    </message>
    <message>
        <source>Refresh cameras</source>
        <translation>刷新摄像头列表</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>Press Start (F5), or choose another source.</source>
        <translation>按“开始”(F5)，或选择其他来源。</translation>
    </message>
    <message>
        <source>No frame for {time:.0f} s. Waiting…</source>
        <translation>已有 {time:.0f} 秒没有帧，正在等待…</translation>
    </message>
    <message>
        <source>Loading source and model…</source>
        <translation>正在加载来源和模型…</translation>
    </message>
    <message>
        <source>No frame for {time:.0f} s</source>
        <translation>已有 {time:.0f} 秒没有帧</translation>
    </message>
    <message>
        <source>No signal from {source}. {what}</source>
        <translation>{source} 无信号。{what}</translation>
    </message>
    <message>
        <source>Can&apos;t open {source}</source>
        <translation>无法打开 {source}</translation>
    </message>
    <message>
        <source>No face detected</source>
        <translation>未检测到人脸</translation>
    </message>
    <message>
        <source>Trying again. {why}</source>
        <translation>正在重试。{why}</translation>
    </message>
    <message>
        <source>Waiting… Check the cable, and whether another program uses the camera.</source>
        <translation>正在等待… 请检查连接线，以及摄像头是否被其他程序占用。</translation>
    </message>
    <message>
        <source>Waiting… Check the network connection.</source>
        <translation>正在等待… 请检查网络连接。</translation>
    </message>
    <message>
        <source>Opening {source}</source>
        <translation>正在打开 {source}</translation>
    </message>
    <message numerus="yes">
        <source>%n training examples deleted.</source>
        <translation>
            <numerusform>已删除 %n 个训练样本。</numerusform>
        </translation>
    </message>
    <message>
        <source>Notes appear in the report:</source>
        <translation>备注会显示在报告中：</translation>
    </message>
    <message>
        <source>Other…</source>
        <translation>其他…</translation>
    </message>
    <message>
        <source>All files</source>
        <translation>所有文件</translation>
    </message>
    <message>
        <source>Videos and images</source>
        <translation>视频和图像</translation>
    </message>
    <message>
        <source>Open video or image</source>
        <translation>打开视频或图像</translation>
    </message>
    <message>
        <source>Open folder of pictures</source>
        <translation>打开图片文件夹</translation>
    </message>
    <message>
        <source>Open network stream</source>
        <translation>打开网络流</translation>
    </message>
    <message>
        <source>Stream address, for example rtsp://host/path:</source>
        <translation>流地址，例如 rtsp://host/path：</translation>
    </message>
    <message>
        <source>A recording is running.</source>
        <translation>正在录制。</translation>
    </message>
    <message>
        <source>Quitting stops it. What is recorded so far is kept.</source>
        <translation>退出会停止录制，已录制的内容会保留。</translation>
    </message>
    <message>
        <source>Stop recording and quit</source>
        <translation>停止录制并退出</translation>
    </message>
    <message>
        <source>Continue recording</source>
        <translation>继续录制</translation>
    </message>
    <message>
        <source>Add numbered marker</source>
        <translation>添加编号标记</translation>
    </message>
    <message>
        <source>Marker</source>
        <translation>标记</translation>
    </message>
    <message>
        <source>Marker label:</source>
        <translation>标记名称：</translation>
    </message>
    <message>
        <source>Press 1-9 while recording to add these markers.</source>
        <translation>录制时按 1-9 添加这些标记。</translation>
    </message>
    <message>
        <source>Marker names</source>
        <translation>标记名称</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详情</translation>
    </message>
    <message>
        <source>Open report</source>
        <translation>打开报告</translation>
    </message>
    <message>
        <source>Close message</source>
        <translation>关闭消息</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message numerus="yes">
        <source>{text} (%n times)</source>
        <translation>
            <numerusform>{text}（%n 次）</numerusform>
        </translation>
    </message>
    <message>
        <source>too small</source>
        <translation>过小</translation>
    </message>
    <message>
        <source>turned away</source>
        <translation>转向一侧</translation>
    </message>
    <message>
        <source>tilted</source>
        <translation>倾斜</translation>
    </message>
    <message>
        <source>too dark</source>
        <translation>过暗</translation>
    </message>
    <message>
        <source>too bright</source>
        <translation>过亮</translation>
    </message>
    <message>
        <source>blurred</source>
        <translation>模糊</translation>
    </message>
    <message>
        <source>{label} {share}</source>
        <translation>{label} {share}</translation>
    </message>
    <message>
        <source>Settings exported to {path}.</source>
        <translation>设置已导出到 {path}。</translation>
    </message>
    <message>
        <source>Settings imported.</source>
        <translation>设置已导入。</translation>
    </message>
    <message>
        <source>Undo reset</source>
        <translation>撤销重置</translation>
    </message>
    <message>
        <source>Reset</source>
        <translation>重置</translation>
    </message>
    <message>
        <source>This model knows FER2013&apos;s labels only.</source>
        <translation>此模型只提供 FER2013 标签。</translation>
    </message>
    <message>
        <source>Best camera, or the demo</source>
        <translation>最佳摄像头，否则演示</translation>
    </message>
    <message>
        <source>Export settings</source>
        <translation>导出设置</translation>
    </message>
    <message>
        <source>Import settings</source>
        <translation>导入设置</translation>
    </message>
    <message>
        <source>Source and model</source>
        <translation>来源与模型</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Detection</source>
        <translation>检测</translation>
    </message>
    <message>
        <source>Cropping</source>
        <translation>裁剪</translation>
    </message>
    <message>
        <source>Queue</source>
        <translation>排队</translation>
    </message>
    <message>
        <source>Classification</source>
        <translation>分类</translation>
    </message>
    <message>
        <source>Frame rates</source>
        <translation>帧率</translation>
    </message>
    <message>
        <source>Analysis</source>
        <translation>分析</translation>
    </message>
    <message>
        <source>Time per stage: median (95th percentile)</source>
        <translation>各阶段耗时：中位数（第 95 百分位）</translation>
    </message>
    <message>
        <source>Latency: median (95th percentile)</source>
        <translation>延迟：中位数（第 95 百分位）</translation>
    </message>
    <message>
        <source>Wait for analysis</source>
        <translation>等待分析</translation>
    </message>
    <message>
        <source>Capture to result</source>
        <translation>采集到结果</translation>
    </message>
    <message>
        <source>Result to display</source>
        <translation>结果到显示</translation>
    </message>
    <message>
        <source>Total to display</source>
        <translation>到显示的总延迟</translation>
    </message>
    <message>
        <source>Frames</source>
        <translation>帧</translation>
    </message>
    <message>
        <source>Captured</source>
        <translation>已采集</translation>
    </message>
    <message>
        <source>Not displayed</source>
        <translation>未显示</translation>
    </message>
    <message>
        <source>CPU usage</source>
        <translation>CPU 占用</translation>
    </message>
    <message>
        <source>System</source>
        <translation>系统</translation>
    </message>
    <message>
        <source>Smoothing</source>
        <translation>平滑</translation>
    </message>
    <message>
        <source>New recording</source>
        <translation>新录制</translation>
    </message>
    <message>
        <source>the source&apos;s name</source>
        <translation>来源的名称</translation>
    </message>
    <message>
        <source>Participant</source>
        <translation>被试</translation>
    </message>
    <message>
        <source>e.g. P07</source>
        <translation>例如 P07</translation>
    </message>
    <message>
        <source>Condition</source>
        <translation>条件</translation>
    </message>
    <message>
        <source>e.g. control</source>
        <translation>例如 对照组</translation>
    </message>
    <message>
        <source>Video quality</source>
        <translation>视频质量</translation>
    </message>
    <message>
        <source>Folder</source>
        <translation>文件夹</translation>
    </message>
    <message>
        <source>Fixed length</source>
        <translation>固定时长</translation>
    </message>
    <message>
        <source>No limit</source>
        <translation>不限</translation>
    </message>
    <message>
        <source> s</source>
        <translation> 秒</translation>
    </message>
    <message>
        <source>Countdown</source>
        <translation>倒计时</translation>
    </message>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Ask before each recording</source>
        <translation>每次录制前询问</translation>
    </message>
    <message>
        <source>Choose…</source>
        <translation>选择…</translation>
    </message>
    <message>
        <source>Sound</source>
        <translation>声音</translation>
    </message>
    <message>
        <source>Start recording</source>
        <translation>开始录制</translation>
    </message>
    <message>
        <source>A video is recorded as it plays; frames may be dropped.</source>
        <translation>视频按播放速度录制；可能会丢帧。</translation>
    </message>
    <message>
        <source>Folder for recordings</source>
        <translation>录制文件夹</translation>
    </message>
    <message>
        <source> pixels</source>
        <translation> 像素</translation>
    </message>
    <message>
        <source>Recording</source>
        <translation>录制</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>已中断</translation>
    </message>
    <message>
        <source>recording now</source>
        <translation>正在录制</translation>
    </message>
    <message>
        <source>Started</source>
        <translation>开始时间</translation>
    </message>
    <message>
        <source>Compare sessions</source>
        <translation>比较会话</translation>
    </message>
    <message>
        <source>Group A</source>
        <translation>A 组</translation>
    </message>
    <message>
        <source>Group B</source>
        <translation>B 组</translation>
    </message>
    <message>
        <source>Session</source>
        <translation>会话</translation>
    </message>
    <message>
        <source>Group</source>
        <translation>组</translation>
    </message>
    <message>
        <source>Group of {session}</source>
        <translation>{session} 所在的组</translation>
    </message>
    <message>
        <source>Neither</source>
        <translation>都不属于</translation>
    </message>
    <message>
        <source>Each group needs a session.</source>
        <translation>每组至少需要一个会话。</translation>
    </message>
    <message>
        <source>Length</source>
        <translation>时长</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>waiting</source>
        <translation>等待中</translation>
    </message>
    <message>
        <source>analysing</source>
        <translation>分析中</translation>
    </message>
    <message>
        <source>done</source>
        <translation>完成</translation>
    </message>
    <message>
        <source>done already</source>
        <translation>此前已完成</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message numerus="yes">
        <source>{name} (%n pictures)</source>
        <translation>
            <numerusform>{name}（%n 张图片）</numerusform>
        </translation>
    </message>
    <message>
        <source>left out</source>
        <translation>已跳过</translation>
    </message>
    <message>
        <source>Markers</source>
        <translation>标记</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>This session was interrupted. Repair recalculates totals; data stay unchanged.</source>
        <translation>此会话曾中断。修复会重新计算总数，数据保持不变。</translation>
    </message>
    <message>
        <source>This session is being recorded now.</source>
        <translation>此会话正在录制。</translation>
    </message>
    <message>
        <source>In part: it ended before its source did</source>
        <translation>部分：在来源结束之前已结束</translation>
    </message>
    <message>
        <source>The details of this session cannot be read.</source>
        <translation>无法读取此会话的详细信息。</translation>
    </message>
    <message>
        <source>Video</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>complete</source>
        <translation>完整</translation>
    </message>
    <message>
        <source>filmed {date}</source>
        <translation>拍摄于 {date}</translation>
    </message>
    <message>
        <source>incomplete</source>
        <translation>不完整</translation>
    </message>
    <message numerus="yes">
        <source>%n pictures</source>
        <translation>
            <numerusform>%n 张图片</numerusform>
        </translation>
    </message>
    <message>
        <source>damaged</source>
        <translation>已损坏</translation>
    </message>
    <message>
        <source>Search sessions</source>
        <translation>搜索会话</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Open the selected session</source>
        <translation>打开所选会话</translation>
    </message>
    <message>
        <source>Select one session that can be read.</source>
        <translation>请选择一个（仅一个）可以读取的会话。</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Create a report of the selection</source>
        <translation>生成所选会话的报告</translation>
    </message>
    <message>
        <source>Select a session that can be read.</source>
        <translation>请选择一个可以读取的会话。</translation>
    </message>
    <message>
        <source>Compare two sessions or groups of sessions</source>
        <translation>比较两个会话或两组会话</translation>
    </message>
    <message>
        <source>Select two sessions or more (Ctrl or Shift and click).</source>
        <translation>请选择两个或更多会话（按住 Ctrl 或 Shift 单击）。</translation>
    </message>
    <message>
        <source>Details…</source>
        <translation>详细信息…</translation>
    </message>
    <message>
        <source>Name, participant, condition and notes of the selection</source>
        <translation>所选会话的名称、被试、条件和备注</translation>
    </message>
    <message>
        <source>Select sessions that are not being recorded and can be read.</source>
        <translation>请选择不在录制中且可以读取的会话。</translation>
    </message>
    <message>
        <source>Repair interrupted sessions</source>
        <translation>修复中断的会话</translation>
    </message>
    <message>
        <source>Only interrupted sessions can be repaired.</source>
        <translation>只有中断的会话才能修复。</translation>
    </message>
    <message>
        <source>Show files</source>
        <translation>显示文件</translation>
    </message>
    <message>
        <source>Open the session&apos;s folder</source>
        <translation>打开会话的文件夹</translation>
    </message>
    <message>
        <source>Move the selection to the trash</source>
        <translation>将所选会话移到回收站</translation>
    </message>
    <message>
        <source>Select a session that is not being recorded.</source>
        <translation>请选择一个不在录制中的会话。</translation>
    </message>
    <message>
        <source>Open folder…</source>
        <translation>打开文件夹…</translation>
    </message>
    <message>
        <source>Show sessions of another folder</source>
        <translation>显示另一文件夹中的会话</translation>
    </message>
    <message>
        <source>Search by name, participant, condition, source, date, marker, model, status</source>
        <translation>按名称、被试、条件、来源、日期、标记、模型、状态搜索</translation>
    </message>
    <message>
        <source>Analyse files</source>
        <translation>分析文件</translation>
    </message>
    <message>
        <source>Progress of the queue</source>
        <translation>队列进度</translation>
    </message>
    <message>
        <source>Message</source>
        <translation>信息</translation>
    </message>
    <message>
        <source>The folder {path} is not there yet.</source>
        <translation>文件夹 {path} 尚不存在。</translation>
    </message>
    <message>
        <source>Creating the report…</source>
        <translation>正在生成报告…</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>No files yet</source>
        <translation>还没有文件</translation>
    </message>
    <message>
        <source>Drop videos, pictures or folders here, or press Add files; each becomes a session that you open in Review.</source>
        <translation>将视频、图片或文件夹拖放到此处，或点击“添加文件”；每个文件成为一个会话，可在回顾中打开。</translation>
    </message>
    <message>
        <source>looking for files…</source>
        <translation>正在查找文件…</translation>
    </message>
    <message>
        <source>{done} of {all} files</source>
        <translation>{done} / {all} 个文件</translation>
    </message>
    <message>
        <source>{done} of 1 file</source>
        <translation>{done} / 1 个文件</translation>
    </message>
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>%n 个失败</numerusform>
        </translation>
    </message>
    <message>
        <source>stopping; the files in work are being closed</source>
        <translation>正在停止；正在关闭处理中的文件</translation>
    </message>
    <message>
        <source>waiting for the live picture to leave time; stop it to go on at once</source>
        <translation>等待实时画面让出时间；停止实时画面即可立即继续</translation>
    </message>
    <message>
        <source>{rate:.0f} pictures/s</source>
        <translation>每秒 {rate:.0f} 张</translation>
    </message>
    <message>
        <source>{time} left</source>
        <translation>剩余 {time}</translation>
    </message>
    <message numerus="yes">
        <source>%n sessions repaired.</source>
        <translation>
            <numerusform>已修复 %n 个会话。</numerusform>
        </translation>
    </message>
    <message>
        <source>{names}

{size} of data, videos and reviews. They stay in the trash.</source>
        <translation>{names}

共 {size} 的数据、视频和审阅记录。它们会保留在回收站中。</translation>
    </message>
    <message numerus="yes">
        <source>%n sessions moved to the trash.</source>
        <translation>
            <numerusform>已将 %n 个会话移到回收站。</numerusform>
        </translation>
    </message>
    <message>
        <source>The system&apos;s trash did not accept {folder}; nothing was deleted. Delete it in the file manager if you are sure.</source>
        <translation>系统回收站未接受 {folder}；没有删除任何内容。如确定要删除，请在文件管理器中操作。</translation>
    </message>
    <message>
        <source>Study</source>
        <translation>研究</translation>
    </message>
    <message>
        <source>All studies</source>
        <translation>所有研究</translation>
    </message>
    <message>
        <source>Grouped by study</source>
        <translation>按研究分组</translation>
    </message>
    <message>
        <source>All participants</source>
        <translation>所有被试</translation>
    </message>
    <message>
        <source>Grouped by participant</source>
        <translation>按被试分组</translation>
    </message>
    <message>
        <source>All conditions</source>
        <translation>所有条件</translation>
    </message>
    <message>
        <source>Grouped by condition</source>
        <translation>按条件分组</translation>
    </message>
    <message>
        <source>Grouping</source>
        <translation>分组</translation>
    </message>
    <message>
        <source>Not grouped</source>
        <translation>不分组</translation>
    </message>
    <message>
        <source>Reading sessions…</source>
        <translation>正在读取会话…</translation>
    </message>
    <message>
        <source>No matching sessions</source>
        <translation>没有匹配的会话</translation>
    </message>
    <message>
        <source>Try fewer words.</source>
        <translation>请减少搜索词。</translation>
    </message>
    <message>
        <source>No sessions yet</source>
        <translation>还没有会话</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>比较</translation>
    </message>
    <message>
        <source>Repair</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Delete…</source>
        <translation>删除…</translation>
    </message>
    <message>
        <source>Refresh</source>
        <translation>刷新</translation>
    </message>
    <message>
        <source>Search</source>
        <translation>搜索</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>清除搜索</translation>
    </message>
    <message>
        <source>Exporting…</source>
        <translation>正在导出…</translation>
    </message>
    <message numerus="yes">
        <source>Move %n sessions to the trash?</source>
        <translation>
            <numerusform>将 %n 个会话移到回收站？</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n sessions</source>
        <translation>
            <numerusform>%n 个会话</numerusform>
        </translation>
    </message>
    <message>
        <source>{shown} of {all} sessions</source>
        <translation>{all} 个会话中的 {shown} 个</translation>
    </message>
    <message>
        <source>{shown} of 1 session</source>
        <translation>1 个会话中的 {shown} 个</translation>
    </message>
    <message>
        <source>Press Record (R) on the live page, or run ferdesk analyze; sessions in {folder} are listed here.</source>
        <translation>在实时页面按“录制”(R)，或运行 ferdesk analyze；{folder} 中的会话会列在这里。</translation>
    </message>
    <message>
        <source>Report saved in {path}.</source>
        <translation>报告已保存到 {path}。</translation>
    </message>
    <message>
        <source>{problem} That session is left out.</source>
        <translation>{problem} 该会话未纳入报告。</translation>
    </message>
    <message>
        <source>Sessions that cannot be read are left out of the report: {count}.</source>
        <translation>无法读取、未纳入报告的会话数：{count}。</translation>
    </message>
    <message>
        <source>Exported to {path}.</source>
        <translation>已导出到 {path}。</translation>
    </message>
    <message>
        <source>Sessions</source>
        <translation>会话</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>有</translation>
    </message>
    <message>
        <source>reviewed</source>
        <translation>已回看</translation>
    </message>
    <message>
        <source>in part</source>
        <translation>部分</translation>
    </message>
    <message>
        <source>Model {name}</source>
        <translation>模型 {name}</translation>
    </message>
    <message>
        <source>{count:,} rows</source>
        <translation>{count:,} 行</translation>
    </message>
    <message>
        <source>Markers: {labels}</source>
        <translation>标记：{labels}</translation>
    </message>
    <message>
        <source>Move to trash</source>
        <translation>移到回收站</translation>
    </message>
    <message>
        <source>Save the report</source>
        <translation>保存报告</translation>
    </message>
    <message>
        <source>Folder of sessions</source>
        <translation>会话文件夹</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>Text size</source>
        <translation>文字大小</translation>
    </message>
    <message>
        <source>Reduced motion</source>
        <translation>减少动画</translation>
    </message>
    <message>
        <source>Requested from the camera.</source>
        <translation>向摄像头请求的设置。</translation>
    </message>
    <message>
        <source>Votes: what most of ten people would say of the face. FER2013: what this data set&apos;s labels would say; they call fewer faces neutral.</source>
        <translation>投票：十个人中多数人对这张脸的判断。FER2013：该数据集的标签会给出的判断；它判为中性的人脸较少。</translation>
    </message>
    <message>
        <source>MediaPipe&apos;s package (an extra) reports how it is used to Google; ferdesk keeps it from that.</source>
        <translation>MediaPipe 软件包（附加组件）会向 Google 报告其使用情况；ferdesk 会阻止它这样做。</translation>
    </message>
    <message>
        <source>Lock model for this study</source>
        <translation>为本研究锁定模型</translation>
    </message>
    <message>
        <source>Keeps model, device, detector and labels: recordings stay comparable.</source>
        <translation>固定模型、设备、检测器和标签类型：各次录制保持可比。</translation>
    </message>
    <message>
        <source>Face detector</source>
        <translation>人脸检测器</translation>
    </message>
    <message>
        <source>Labels from</source>
        <translation>标签来源</translation>
    </message>
    <message>
        <source>Higher values are smoother but lag more; 0 = off.</source>
        <translation>数值越大越平滑，但滞后越多；0 = 关闭。</translation>
    </message>
    <message>
        <source>Confidence threshold</source>
        <translation>置信度阈值</translation>
    </message>
    <message>
        <source>Labels below this are marked as low confidence.</source>
        <translation>低于此值的标签标为低置信度。</translation>
    </message>
    <message>
        <source>Minimum face size</source>
        <translation>最小人脸尺寸</translation>
    </message>
    <message>
        <source>Smaller faces are not classified.</source>
        <translation>更小的人脸不进行分类。</translation>
    </message>
    <message>
        <source>Face measurements</source>
        <translation>面部测量</translation>
    </message>
    <message>
        <source>Each face takes a few milliseconds; with many faces they take turns.</source>
        <translation>每张人脸需要几毫秒；人脸较多时轮流测量。</translation>
    </message>
    <message>
        <source>Mirrors the preview only; recorded data are unchanged.</source>
        <translation>仅镜像预览；录制的数据不变。</translation>
    </message>
    <message>
        <source>Bounding boxes</source>
        <translation>边界框</translation>
    </message>
    <message>
        <source>Labels</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Heatmap colours</source>
        <translation>热图配色</translation>
    </message>
    <message>
        <source>Heatmap within the face&apos;s outline</source>
        <translation>热力图仅限于面部轮廓内</translation>
    </message>
    <message>
        <source>Where landmarks are measured; off, it shows the whole crop.</source>
        <translation>适用于测量了特征点的人脸；关闭时显示整个裁剪区域。</translation>
    </message>
    <message>
        <source>Drawn while they are measured.</source>
        <translation>仅在测量时绘制。</translation>
    </message>
    <message>
        <source>Ask about returning faces</source>
        <translation>询问再次出现的人脸</translation>
    </message>
    <message>
        <source>“Is #5 the same person as #2?”, by appearance, on this computer.</source>
        <translation>“#5 与 #2 是同一个人吗？”——依据外观，在这台电脑上判断。</translation>
    </message>
    <message>
        <source>Saved next to the data. Blurring also applies to snapshots.</source>
        <translation>与数据保存在一起。模糊同样适用于快照。</translation>
    </message>
    <message>
        <source>Higher quality makes larger files.</source>
        <translation>质量越高，文件越大。</translation>
    </message>
    <message>
        <source>Video codec</source>
        <translation>视频编码</translation>
    </message>
    <message>
        <source>Where this computer cannot write it, the next best is used.</source>
        <translation>本机无法写入该编码时，使用次优的编码。</translation>
    </message>
    <message>
        <source>For name, participant, condition, length and folder.</source>
        <translation>询问名称、参与者、条件、时长和文件夹。</translation>
    </message>
    <message>
        <source>Heatmap in the video</source>
        <translation>视频中的热力图</translation>
    </message>
    <message>
        <source>In videos with boxes and labels, while the heatmap is on.</source>
        <translation>热力图开启时，写入带方框和标签的视频。</translation>
    </message>
    <message>
        <source>Microphone heard in videos; its name, or default. Empty for none.</source>
        <translation>视频中录制的麦克风：填写名称或 default；留空则不录音。</translation>
    </message>
    <message>
        <source>A voice tells who speaks: without this, no sound is recorded.</source>
        <translation>声音会暴露说话的人：不勾选则不录音。</translation>
    </message>
    <message>
        <source>All 478 points of each face, while they are measured; 10 MB a minute.</source>
        <translation>测量时保存每张人脸的全部 478 个点；每分钟约 10 MB。</translation>
    </message>
    <message>
        <source>New recordings are saved here; earlier ones stay where they are.</source>
        <translation>新的录制保存在此处；以前的录制保持原位。</translation>
    </message>
    <message>
        <source>A recording stops by itself after this time.</source>
        <translation>录制在此时间后自动停止。</translation>
    </message>
    <message>
        <source>Seconds between pressing Record and the first frame; 0 = none.</source>
        <translation>按下录制到第一帧之间的秒数；0 表示没有。</translation>
    </message>
    <message>
        <source>Streams</source>
        <translation>流</translation>
    </message>
    <message>
        <source>Commands from other programs</source>
        <translation>来自其他程序的命令</translation>
    </message>
    <message>
        <source>Programs with the WebSocket&apos;s token may record, set markers and save snapshots. Which commands there are: “ferdesk remote --help”, or “Streams” in the documentation.</source>
        <translation>持有 WebSocket 令牌的程序可以录制、设置标记和保存快照。有哪些命令：见“ferdesk remote --help”，或文档中的“Streams”。</translation>
    </message>
    <message>
        <source>Markers from LSL</source>
        <translation>来自 LSL 的标记</translation>
    </message>
    <message>
        <source>A stream of another program; its markers go into recordings.</source>
        <translation>另一个程序的流；其标记会写入录制。</translation>
    </message>
    <message>
        <source>Web pages</source>
        <translation>网页</translation>
    </message>
    <message>
        <source>Origins that may connect to the WebSocket, beside programs.</source>
        <translation>除程序外，还可连接 WebSocket 的网页来源。</translation>
    </message>
    <message>
        <source>Turns off animations.</source>
        <translation>关闭动画。</translation>
    </message>
    <message>
        <source>Follow system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Automatic (H.264 where possible)</source>
        <translation>自动（尽可能用 H.264）</translation>
    </message>
    <message>
        <source>Landmarks and head pose</source>
        <translation>关键点和头部姿态</translation>
    </message>
    <message>
        <source>Also movements, blinks and gaze</source>
        <translation>另加面部动作、眨眼和视线</translation>
    </message>
    <message>
        <source>Also movements, averaged with the mirror image</source>
        <translation>另加面部动作（与镜像取平均）</translation>
    </message>
    <message>
        <source>People&apos;s votes</source>
        <translation>众人投票</translation>
    </message>
    <message>
        <source>FER2013&apos;s label</source>
        <translation>FER2013 标签</translation>
    </message>
    <message>
        <source>ferdesk (finds small faces too)</source>
        <translation>ferdesk（也能找到小的人脸）</translation>
    </message>
    <message>
        <source>MediaPipe (whole picture only)</source>
        <translation>MediaPipe（只看整幅画面）</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>CUDA (NVIDIA)</source>
        <translation>CUDA (NVIDIA)</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Source, model, device, detector, labels and language can be changed after the recording has ended.</source>
        <translation>录制结束后才能更改来源、模型、设备、检测器、标签和语言。</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>导入…</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Keyboard shortcuts</source>
        <translation>键盘快捷键</translation>
    </message>
    <message>
        <source>Tab moves between the controls, Space presses them, Escape leaves full screen.</source>
        <translation>Tab 在控件间移动，空格键按下控件，Esc 退出全屏。</translation>
    </message>
    <message>
        <source>Low confidence: no label is clearly ahead. Faces that are too small, turned away, tilted, badly lit or blurred get no label. The settings hold the limits.</source>
        <translation>低置信度：没有明显占优的标签。过小、转开、倾斜、光照不佳或模糊的人脸不给标签。阈值可在设置中调整。</translation>
    </message>
    <message>
        <source>Opening</source>
        <translation>正在打开</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>运行中</translation>
    </message>
    <message>
        <source>No signal</source>
        <translation>无信号</translation>
    </message>
    <message>
        <source>Image</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>End of video</source>
        <translation>视频结束</translation>
    </message>
    <message>
        <source>Frame rate of the source</source>
        <translation>来源帧率</translation>
    </message>
    <message>
        <source>Analysis rate (frames per second)</source>
        <translation>分析帧率（帧/秒）</translation>
    </message>
    <message>
        <source>Latency: capture to result, median of the last 30 frames</source>
        <translation>延迟：从采集到结果，最近 30 帧的中位数</translation>
    </message>
    <message>
        <source>Frames skipped because analysis was busy</source>
        <translation>因分析繁忙而跳过的帧</translation>
    </message>
    <message>
        <source>Results are being sent over {stream}. Click to stop.</source>
        <translation>正在通过 {stream} 发送结果。单击可停止。</translation>
    </message>
    <message>
        <source>CPU (GPU not used)</source>
        <translation>CPU（未使用 GPU）</translation>
    </message>
    <message>
        <source>Model that classifies faces</source>
        <translation>用于分类的模型</translation>
    </message>
    <message>
        <source>analysis {rate:.0f} fps, slower than the source</source>
        <translation>分析 {rate:.0f} 帧/秒，慢于来源</translation>
    </message>
    <message>
        <source>analysis {rate:.0f} fps</source>
        <translation>分析 {rate:.0f} 帧/秒</translation>
    </message>
    <message>
        <source>Automatic (best model that is fast enough)</source>
        <translation>自动（速度足够的最佳模型）</translation>
    </message>
    <message>
        <source>Measure speed again</source>
        <translation>重新测量速度</translation>
    </message>
    <message>
        <source>Chooses the model for this computer once more</source>
        <translation>为这台电脑重新选择模型</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>{count:,} not written</source>
        <translation>{count:,} 条未写入</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>已暂停</translation>
    </message>
    <message>
        <source>Ended</source>
        <translation>已结束</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>{rate:.0f} fps</source>
        <translation>{rate:.0f} 帧/秒</translation>
    </message>
    <message>
        <source>{time:.0f} ms</source>
        <translation>{time:.0f} 毫秒</translation>
    </message>
    <message>
        <source>{count:,} dropped</source>
        <translation>丢帧 {count:,}</translation>
    </message>
    <message>
        <source>Add training example…</source>
        <translation>添加训练样本…</translation>
    </message>
    <message>
        <source>Name face</source>
        <translation>命名人脸</translation>
    </message>
    <message>
        <source>Record or undo the selected face&apos;s neutral baseline</source>
        <translation>采集或撤销所选人脸的中性基线</translation>
    </message>
    <message>
        <source>Timeline</source>
        <translation>时间线</translation>
    </message>
    <message>
        <source>Pause the timeline</source>
        <translation>暂停时间线</translation>
    </message>
    <message>
        <source>Save the selected face as a training example (then 1-7)</source>
        <translation>将所选人脸保存为训练样本（然后按 1-7）</translation>
    </message>
    <message>
        <source>Show or hide the saved training examples</source>
        <translation>显示或隐藏已保存的训练样本</translation>
    </message>
    <message>
        <source>Play</source>
        <translation>播放</translation>
    </message>
    <message>
        <source>Analysis stopped; what was done is kept.</source>
        <translation>分析已停止；已完成的部分会保留。</translation>
    </message>
    <message>
        <source>Every frame of {file} is analysed.</source>
        <translation>{file} 的每一帧都已分析。</translation>
    </message>
    <message>
        <source>Play or pause the video</source>
        <translation>播放或暂停视频</translation>
    </message>
    <message>
        <source>Previous frame</source>
        <translation>上一帧</translation>
    </message>
    <message>
        <source>Next frame</source>
        <translation>下一帧</translation>
    </message>
    <message>
        <source>Loop</source>
        <translation>循环</translation>
    </message>
    <message>
        <source>Repeat the video</source>
        <translation>重复播放视频</translation>
    </message>
    <message>
        <source>Analyse every frame</source>
        <translation>分析每一帧</translation>
    </message>
    <message>
        <source>Analyse every frame in the background, then open the result in Review</source>
        <translation>在后台分析每一帧，然后在回放中打开结果</translation>
    </message>
    <message>
        <source>Analyse every frame instead</source>
        <translation>改为分析每一帧</translation>
    </message>
    <message>
        <source>Recording {file} as it plays; frames may be dropped.</source>
        <translation>正在按播放速度录制 {file}；可能会丢帧。</translation>
    </message>
    <message>
        <source>Previous marker</source>
        <translation>上一个标记</translation>
    </message>
    <message>
        <source>Next marker</source>
        <translation>下一个标记</translation>
    </message>
    <message>
        <source>Slower</source>
        <translation>减速</translation>
    </message>
    <message>
        <source>Faster</source>
        <translation>加速</translation>
    </message>
    <message>
        <source>Go to…</source>
        <translation>转到…</translation>
    </message>
    <message>
        <source>Whole session</source>
        <translation>整个会话</translation>
    </message>
    <message>
        <source>Smoothed or raw</source>
        <translation>平滑或原始</translation>
    </message>
    <message>
        <source>Name…</source>
        <translation>命名…</translation>
    </message>
    <message>
        <source>Merge…</source>
        <translation>合并…</translation>
    </message>
    <message>
        <source>Merge the selected faces, or the selected one with another</source>
        <translation>合并所选的多张面孔，或将所选面孔与另一张合并</translation>
    </message>
    <message>
        <source>Split here</source>
        <translation>在此拆分</translation>
    </message>
    <message>
        <source>Exclude</source>
        <translation>排除</translation>
    </message>
    <message>
        <source>Comment…</source>
        <translation>评论…</translation>
    </message>
    <message>
        <source>Annotate</source>
        <translation>标注</translation>
    </message>
    <message>
        <source>Annotate a range of the selected face: press at its start and at its end</source>
        <translation>标注所选面孔的一段时间：在起点和终点各按一次</translation>
    </message>
    <message>
        <source>Notes…</source>
        <translation>备注…</translation>
    </message>
    <message>
        <source>Edit…</source>
        <translation>编辑…</translation>
    </message>
    <message>
        <source>Edit the selected marker, comment or annotation</source>
        <translation>编辑所选的标记、评论或标注</translation>
    </message>
    <message>
        <source>Move here</source>
        <translation>移到此处</translation>
    </message>
    <message>
        <source>Move the selected marker, comment or annotation to the cursor</source>
        <translation>将所选的标记、评论或标注移到光标处</translation>
    </message>
    <message>
        <source>Delete the selected marker, comment or annotation</source>
        <translation>删除所选的标记、评论或标注</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>重做</translation>
    </message>
    <message>
        <source>Saved</source>
        <translation>已保存</translation>
    </message>
    <message>
        <source>Saving…</source>
        <translation>正在保存…</translation>
    </message>
    <message>
        <source>Not saved</source>
        <translation>未保存</translation>
    </message>
    <message>
        <source>Recorded picture</source>
        <translation>录制的画面</translation>
    </message>
    <message>
        <source>Recorded markers cannot be changed; add another beside them.</source>
        <translation>录制时的标记不能更改；可在旁边另加一个。</translation>
    </message>
    <message>
        <source>Position; type a time to go to</source>
        <translation>位置；输入时间可跳转</translation>
    </message>
    <message>
        <source>Time in the original video</source>
        <translation>原始视频中的时间</translation>
    </message>
    <message>
        <source>with sound</source>
        <translation>有声音</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Recorded from {device}; it is in video.mp4 and not played here.</source>
        <translation>录自 {device}；声音在 video.mp4 中，此处不播放。</translation>
    </message>
    <message>
        <source>video {time}</source>
        <translation>视频 {time}</translation>
    </message>
    <message>
        <source>Enter a time such as 75 or 1:15.</source>
        <translation>请输入时间，例如 75 或 1:15。</translation>
    </message>
    <message>
        <source>Name of face #{id}</source>
        <translation>人脸 #{id} 的名称</translation>
    </message>
    <message>
        <source>Name (leave empty to clear):</source>
        <translation>名称（留空则清除）：</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>命名</translation>
    </message>
    <message>
        <source>Merge</source>
        <translation>合并</translation>
    </message>
    <message>
        <source>The face has no data on one side of the cursor; nothing was split.</source>
        <translation>此人脸在光标的一侧没有数据；未作拆分。</translation>
    </message>
    <message>
        <source>Split</source>
        <translation>拆分</translation>
    </message>
    <message>
        <source>Include</source>
        <translation>纳入</translation>
    </message>
    <message>
        <source>Comment</source>
        <translation>评论</translation>
    </message>
    <message>
        <source>Import</source>
        <translation>导入</translation>
    </message>
    <message numerus="yes">
        <source>%n markers were added.</source>
        <translation>
            <numerusform>已添加 %n 个标记。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n of the file&apos;s lie outside the session.</source>
        <translation>
            <numerusform>文件中有 %n 个位于会话之外。</numerusform>
        </translation>
    </message>
    <message>
        <source>Session notes</source>
        <translation>会话备注</translation>
    </message>
    <message>
        <source>Delete “{text}”</source>
        <translation>删除“{text}”</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>At {time}:</source>
        <translation>在 {time}：</translation>
    </message>
    <message>
        <source>Import markers</source>
        <translation>导入标记</translation>
    </message>
    <message>
        <source>Baseline</source>
        <translation>基线</translation>
    </message>
    <message>
        <source>Show or hide the timeline</source>
        <translation>显示或隐藏时间线</translation>
    </message>
    <message>
        <source>No video</source>
        <translation>无视频</translation>
    </message>
    <message>
        <source>Original video</source>
        <translation>原始视频</translation>
    </message>
    <message>
        <source>Video with faces blurred</source>
        <translation>人脸模糊的视频</translation>
    </message>
    <message>
        <source>Low quality</source>
        <translation>低质量</translation>
    </message>
    <message>
        <source>Normal quality</source>
        <translation>标准质量</translation>
    </message>
    <message>
        <source>High quality</source>
        <translation>高质量</translation>
    </message>
    <message>
        <source>Stream over WebSocket</source>
        <translation>通过 WebSocket 推流</translation>
    </message>
    <message>
        <source>Covers every face that “ferdesk analyze” would find in each picture. Faces that no search finds, clothes and places stay visible: look before you publish.</source>
        <translation>每一帧中“ferdesk analyze”能找到的人脸都会被遮盖。任何检测都找不到的人脸、衣着和场所仍然可见：发布前请检查。</translation>
    </message>
    <message>
        <source>Video with boxes and labels</source>
        <translation>带方框和标签的视频</translation>
    </message>
    <message>
        <source>Stream over LSL</source>
        <translation>通过 LSL 传输</translation>
    </message>
    <message>
        <source>Tracking</source>
        <translation>跟踪</translation>
    </message>
    <message>
        <source>Display</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Seen</source>
        <translation>已见</translation>
    </message>
    <message>
        <source>Face</source>
        <translation>人脸</translation>
    </message>
    <message>
        <source>Shows</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>excluded from statistics</source>
        <translation>已从统计中排除</translation>
    </message>
    <message>
        <source>not visible</source>
        <translation>不可见</translation>
    </message>
    <message>
        <source>with {face}</source>
        <translation>与 {face}</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>内容</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Markers, comments, annotations</source>
        <translation>标记、评论、标注</translation>
    </message>
    <message>
        <source>recorded</source>
        <translation>录制</translation>
    </message>
    <message>
        <source>added</source>
        <translation>后加</translation>
    </message>
    <message>
        <source>annotation of {face}</source>
        <translation>{face} 的标注</translation>
    </message>
    <message>
        <source>annotation</source>
        <translation>标注</translation>
    </message>
    <message>
        <source>comment on {face}</source>
        <translation>关于 {face} 的评论</translation>
    </message>
    <message>
        <source>comment</source>
        <translation>评论</translation>
    </message>
    <message>
        <source>Analysed</source>
        <translation>已分析</translation>
    </message>
    <message>
        <source>Dropped</source>
        <translation>丢帧</translation>
    </message>
    <message>
        <source>Copy as text</source>
        <translation>复制为文本</translation>
    </message>
    <message>
        <source>Memory</source>
        <translation>内存</translation>
    </message>
    <message>
        <source>Timeline length</source>
        <translation>时间线长度</translation>
    </message>
    <message>
        <source>{time} s</source>
        <translation>{time} 秒</translation>
    </message>
    <message>
        <source>Pause the timeline; scroll to zoom, drag to pan (P)</source>
        <translation>暂停时间线；滚轮缩放，拖动平移（P）</translation>
    </message>
    <message>
        <source>Zoom in (wheel)</source>
        <translation>放大（滚轮）</translation>
    </message>
    <message>
        <source>Zoom out (wheel)</source>
        <translation>缩小（滚轮）</translation>
    </message>
    <message>
        <source>Timeline of the selected face</source>
        <translation>所选人脸的时间线</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>放大</translation>
    </message>
    <message>
        <source>Zoom the picture in (wheel)</source>
        <translation>放大画面（滚轮）</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>缩小</translation>
    </message>
    <message>
        <source>Visible part of the session</source>
        <translation>会话的可见部分</translation>
    </message>
    <message>
        <source>Timeline of the session</source>
        <translation>会话时间线</translation>
    </message>
    <message>
        <source>Smoothed</source>
        <translation>平滑</translation>
    </message>
    <message>
        <source>Raw</source>
        <translation>原始</translation>
    </message>
    <message>
        <source>Show smoothed or raw probabilities (Y)</source>
        <translation>显示平滑或原始概率（Y）</translation>
    </message>
    <message>
        <source>Head pose</source>
        <translation>头部姿态</translation>
    </message>
    <message>
        <source>Eyes open</source>
        <translation>睁眼程度</translation>
    </message>
    <message>
        <source>Movements: brows</source>
        <translation>面部动作：眉毛</translation>
    </message>
    <message>
        <source>Movements: lids</source>
        <translation>面部动作：眼睑</translation>
    </message>
    <message>
        <source>Movements: looks</source>
        <translation>面部动作：目光</translation>
    </message>
    <message>
        <source>Movements: cheeks and nose</source>
        <translation>面部动作：脸颊和鼻子</translation>
    </message>
    <message>
        <source>Movements: jaw</source>
        <translation>面部动作：下颌</translation>
    </message>
    <message>
        <source>Movements: mouth&apos;s corners</source>
        <translation>面部动作：嘴角</translation>
    </message>
    <message>
        <source>Movements: lips</source>
        <translation>面部动作：嘴唇</translation>
    </message>
    <message>
        <source>Movements: mouth</source>
        <translation>面部动作：嘴</translation>
    </message>
    <message>
        <source>Movements: lips rolled and shrugged</source>
        <translation>面部动作：嘴唇卷起和耸起</translation>
    </message>
    <message>
        <source>Plot</source>
        <translation>绘制内容</translation>
    </message>
    <message>
        <source>Measures of the selected face</source>
        <translation>所选人脸的测量值</translation>
    </message>
    <message>
        <source>Show or hide this line</source>
        <translation>显示或隐藏此曲线</translation>
    </message>
    <message>
        <source>Live</source>
        <translation>实时</translation>
    </message>
    <message>
        <source>Back to the live page</source>
        <translation>返回实时页面</translation>
    </message>
    <message>
        <source>Add files…</source>
        <translation>添加文件…</translation>
    </message>
    <message>
        <source>Add videos and pictures to the queue</source>
        <translation>将视频和图片添加到队列</translation>
    </message>
    <message>
        <source>Add folder…</source>
        <translation>添加文件夹…</translation>
    </message>
    <message>
        <source>Add all videos and pictures in a folder and below it</source>
        <translation>添加文件夹及其子文件夹中的所有视频和图片</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Take the selection out of the queue; files and sessions stay</source>
        <translation>将所选文件移出队列；文件和会话不受影响</translation>
    </message>
    <message>
        <source>Select files that are not being analysed.</source>
        <translation>请选择不在分析中的文件。</translation>
    </message>
    <message>
        <source>Move up</source>
        <translation>上移</translation>
    </message>
    <message>
        <source>Analyse the selection earlier</source>
        <translation>提前分析所选文件</translation>
    </message>
    <message>
        <source>Select files that wait.</source>
        <translation>请选择等待中的文件。</translation>
    </message>
    <message>
        <source>Move down</source>
        <translation>下移</translation>
    </message>
    <message>
        <source>Analyse the selection later</source>
        <translation>推后分析所选文件</translation>
    </message>
    <message>
        <source>Clear finished</source>
        <translation>清除已结束的</translation>
    </message>
    <message>
        <source>Take what is finished or failed out of the queue</source>
        <translation>将已完成或失败的文件移出队列</translation>
    </message>
    <message>
        <source>Nothing is finished yet.</source>
        <translation>还没有结束的文件。</translation>
    </message>
    <message>
        <source>Analyse the files that wait, in this order</source>
        <translation>按此顺序分析等待中的文件</translation>
    </message>
    <message>
        <source>Add files first.</source>
        <translation>请先添加文件。</translation>
    </message>
    <message>
        <source>Let the analysis rest; the files in work stay open</source>
        <translation>暂停分析；正在处理的文件保持打开</translation>
    </message>
    <message>
        <source>End the analysis; finished sessions are kept</source>
        <translation>结束分析；已完成的会话保留</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Let the selection wait again</source>
        <translation>让所选文件重新等待</translation>
    </message>
    <message>
        <source>Select files that failed or were skipped.</source>
        <translation>请选择失败或被跳过的文件。</translation>
    </message>
    <message>
        <source>Open session</source>
        <translation>打开会话</translation>
    </message>
    <message>
        <source>Open the selected file&apos;s session in Review</source>
        <translation>在回顾中打开所选文件的会话</translation>
    </message>
    <message>
        <source>Select a file that is done.</source>
        <translation>请选择一个已完成的文件。</translation>
    </message>
    <message>
        <source>Open the folder of the session, or of all results</source>
        <translation>打开会话的文件夹，或所有结果的文件夹</translation>
    </message>
    <message>
        <source>Copy errors</source>
        <translation>复制错误信息</translation>
    </message>
    <message>
        <source>Copy the messages of the selection, or of all files</source>
        <translation>复制所选文件或所有文件的信息</translation>
    </message>
    <message>
        <source>There is no message.</source>
        <translation>没有信息。</translation>
    </message>
    <message>
        <source>Report of all</source>
        <translation>总报告</translation>
    </message>
    <message>
        <source>Create one report of all finished sessions</source>
        <translation>为所有已完成的会话生成一份报告</translation>
    </message>
    <message>
        <source>No session is finished yet.</source>
        <translation>还没有完成的会话。</translation>
    </message>
    <message>
        <source>Back to the list of sessions</source>
        <translation>返回会话列表</translation>
    </message>
    <message>
        <source>Reading the session</source>
        <translation>读取会话</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>正在读取…</translation>
    </message>
    <message>
        <source>A long session takes longer the first time.</source>
        <translation>较长的会话首次打开需要更多时间。</translation>
    </message>
    <message>
        <source>Markers and comments on the timeline</source>
        <translation>时间线上的标记与评论</translation>
    </message>
    <message>
        <source>Faces on the timeline</source>
        <translation>时间线上的人脸</translation>
    </message>
    <message>
        <source>low confidence</source>
        <translation>置信度低</translation>
    </message>
    <message>
        <source>Camera {number} gives no picture any more.</source>
        <translation>摄像头 {number} 不再有画面。</translation>
    </message>
    <message>
        <source>There is no camera {number}; plug one in or choose another.</source>
        <translation>没有摄像头 {number}；请插上一个，或选择另一个。</translation>
    </message>
    <message>
        <source>Camera {number} may not be used by this user; add them to the group video (sudo usermod -aG video NAME) and log in again.</source>
        <translation>当前用户无权使用摄像头 {number}；请把用户加入 video 组（sudo usermod -aG video NAME）并重新登录。</translation>
    </message>
    <message>
        <source>Camera {number} is used by another program, {user}; close it there and start again.</source>
        <translation>摄像头 {number} 正被另一个程序 {user} 使用；请在那里关闭，然后重新开始。</translation>
    </message>
    <message>
        <source>Camera {number} gives no picture; another program may use it. Close that, or pull the camera&apos;s plug and put it in again.</source>
        <translation>摄像头 {number} 没有画面；可能有另一个程序正在使用它。请关闭那个程序，或拔下摄像头再插上。</translation>
    </message>
    <message>
        <source>Camera {number} cannot be opened; there is none, another program uses it, or the system&apos;s privacy settings keep programs from the camera.</source>
        <translation>无法打开摄像头 {number}：没有这个摄像头，另一个程序正在使用它，或系统的隐私设置不允许程序使用摄像头。</translation>
    </message>
    <message>
        <source>The demo&apos;s picture {path} cannot be read. Installing ferdesk again brings it back.</source>
        <translation>无法读取演示图片 {path}。重新安装 ferdesk 即可恢复。</translation>
    </message>
    <message>
        <source>The demo&apos;s picture {path} is damaged. Installing ferdesk again brings it back.</source>
        <translation>演示图片 {path} 已损坏。重新安装 ferdesk 即可恢复。</translation>
    </message>
    <message>
        <source>The video {path} cannot be opened; is it damaged?</source>
        <translation>无法打开视频 {path}；文件损坏了吗？</translation>
    </message>
    <message>
        <source>The video {path} has no picture in it.</source>
        <translation>视频 {path} 中没有画面。</translation>
    </message>
    <message>
        <source>No picture of the video {path} can be decoded.</source>
        <translation>视频 {path} 中没有能够解码的画面。</translation>
    </message>
    <message>
        <source>The video {path} cannot be read at {seconds:.1f} s; is it damaged?</source>
        <translation>无法读取视频 {path} 的第 {seconds:.1f} 秒；文件损坏了吗？</translation>
    </message>
    <message>
        <source>The video {path} cannot be decoded any further; is it damaged?</source>
        <translation>视频 {path} 无法继续解码；文件损坏了吗？</translation>
    </message>
    <message>
        <source>LSL needs pylsl with its native library: pip install &apos;ferdesk[streams]&apos; ({why}).</source>
        <translation>LSL 需要 pylsl 及其本机库:pip install &apos;ferdesk[streams]&apos;({why})。</translation>
    </message>
    <message>
        <source>The LSL outlets cannot be opened: {why}.</source>
        <translation>无法打开 LSL 输出流：{why}。</translation>
    </message>
    <message>
        <source>LSL: the outlets “{name}” (faces) and “{name} markers” are open to this network.</source>
        <translation>LSL：输出流“{name}”（人脸）和“{name} markers”已向本网络开放。</translation>
    </message>
    <message>
        <source>{path} is no address that can be opened: {why}.</source>
        <translation>{path} 不是能够打开的地址：{why}。</translation>
    </message>
    <message>
        <source>{path} has no picture in it; give a camera&apos;s address.</source>
        <translation>{path} 中没有画面；请给出摄像头的地址。</translation>
    </message>
    <message>
        <source>{path} gives no picture that can be decoded.</source>
        <translation>{path} 没有能够解码的画面。</translation>
    </message>
    <message>
        <source>{path} gives no picture any more.</source>
        <translation>{path} 不再有画面。</translation>
    </message>
    <message>
        <source>{path} asks for a user and a password, or refuses those given; write them before the host: http://user:password@host/path.</source>
        <translation>{path} 要求用户名和密码，或拒绝了给出的用户名和密码；请写在主机名之前：http://user:password@host/path。</translation>
    </message>
    <message>
        <source>{path} may not be seen by this user; ask who runs the camera.</source>
        <translation>当前用户无权查看 {path}；请询问摄像头的管理者。</translation>
    </message>
    <message>
        <source>{path} is not there; check the path of the address.</source>
        <translation>{path} 不存在；请检查地址中的路径。</translation>
    </message>
    <message>
        <source>Nothing listens at {path}; is the camera on, and the port right?</source>
        <translation>{path} 没有响应的服务；摄像头开了吗？端口对吗？</translation>
    </message>
    <message>
        <source>{path} does not answer within {seconds:.0f} s; is it on?</source>
        <translation>{path} 在 {seconds:.0f} 秒内没有应答；它开着吗？</translation>
    </message>
    <message>
        <source>No video received from {path}; check the address and the network.</source>
        <translation>没有收到来自 {path} 的视频；请检查地址和网络。</translation>
    </message>
    <message>
        <source>There is no model file {path}; ferdesk models lists the bundled ones.</source>
        <translation>没有模型文件 {path}；ferdesk models 可列出自带的模型。</translation>
    </message>
    <message>
        <source>The model {path} cannot be read: {why}.</source>
        <translation>无法读取模型 {path}：{why}。</translation>
    </message>
    <message>
        <source>{path} cannot judge two faces at a time; export it with ferdesk-train export.</source>
        <translation>{path} 不能同时判断两张人脸；请用 ferdesk-train export 导出。</translation>
    </message>
    <message>
        <source>{path} gives outputs of other shapes than the model contract&apos;s.</source>
        <translation>{path} 的输出形状与模型约定不符。</translation>
    </message>
    <message>
        <source>the CPU was chosen</source>
        <translation>选择了 CPU</translation>
    </message>
    <message>
        <source>{path} is not a model that ONNX Runtime can load; export it again with ferdesk-train export.</source>
        <translation>{path} 不是 ONNX Runtime 能加载的模型；请用 ferdesk-train export 重新导出。</translation>
    </message>
    <message>
        <source>The model {path} keeps parts of itself in other files, which are not read; save it as one file (onnx.save without external data).</source>
        <translation>模型 {path} 的一部分保存在其他文件中，这些文件不会被读取；请保存为单个文件（onnx.save，不使用外部数据）。</translation>
    </message>
    <message>
        <source>The metadata of {path} is no UTF-8 text; export the model again.</source>
        <translation>{path} 的元数据不是 UTF-8 文本；请重新导出模型。</translation>
    </message>
    <message>
        <source>{path} does not take faces [n, 1, {size}, {size}]; it is not a ferdesk model.</source>
        <translation>{path} 不接受人脸 [n, 1, {size}, {size}]；它不是 ferdesk 的模型。</translation>
    </message>
    <message>
        <source>{path} has no output named logits; it is not a ferdesk model.</source>
        <translation>{path} 没有名为 logits 的输出；它不是 ferdesk 的模型。</translation>
    </message>
    <message>
        <source>{path} gives logits of shape {shape}; [n, {count}] is needed.</source>
        <translation>{path} 的 logits 形状是 {shape}；需要 [n, {count}]。</translation>
    </message>
    <message>
        <source>{path} lacks the metadata {missing}; export it with ferdesk-train export.</source>
        <translation>{path} 缺少元数据 {missing}；请用 ferdesk-train export 导出。</translation>
    </message>
    <message>
        <source>{path} has model schema {schema}; this version reads {known}.</source>
        <translation>{path} 的模型格式是 {schema}；此版本读取 {known}。</translation>
    </message>
    <message>
        <source>{path} has the labels {labels}; ferdesk shows {wanted} in this order.</source>
        <translation>{path} 的标签是 {labels}；ferdesk 按此顺序显示 {wanted}。</translation>
    </message>
    <message>
        <source>{path} has metadata that cannot be read: {why}.</source>
        <translation>{path} 的元数据无法读取：{why}。</translation>
    </message>
    <message>
        <source>Parquet needs pyarrow: pip install &apos;ferdesk[parquet]&apos;, or export CSV.</source>
        <translation>Parquet 需要 pyarrow:pip install &apos;ferdesk[parquet]&apos;,或导出 CSV。</translation>
    </message>
    <message>
        <source>{path} cannot be written: {why}.</source>
        <translation>无法写入 {path}：{why}。</translation>
    </message>
    <message>
        <source>A session cannot be written to {path}: {why}. Choose another folder.</source>
        <translation>无法把会话写入 {path}：{why}。请选择另一个文件夹。</translation>
    </message>
    <message>
        <source>Another program has cut rows off {path}; they are lost. Close programs that write to it. The recording goes on.</source>
        <translation>另一个程序从 {path} 中截掉了数据行；这些行已丢失。请关闭写入该文件的程序。录制继续进行。</translation>
    </message>
    <message>
        <source>Only {free:.1f} GB are left on the disk of {path}. When it is full, recording stops; the data up to there stay valid. Free some space.</source>
        <translation>{path} 所在的磁盘只剩 {free:.1f} GB。写满后录制会停止，已写入的内容仍然有效。请腾出空间。</translation>
    </message>
    <message>
        <source>Recording has stopped: {path} cannot be written ({why}).</source>
        <translation>录制已停止：{path} 无法写入（{why}）。</translation>
    </message>
    <message>
        <source>Recording has stopped: {path} cannot be written ({why}). Rows that are kept, up to there: {count}.</source>
        <translation>录制已停止：无法写入 {path}（{why}）。此前已保留的行数：{count}。</translation>
    </message>
    <message>
        <source>{path} cannot be closed properly: {file} cannot be written ({why}). All rows are kept ({count}). Repair it with “ferdesk sessions repair”.</source>
        <translation>{path} 无法正常关闭：{file} 无法写入（{why}）。全部 {count} 行都已保留。请用“ferdesk sessions repair”修复。</translation>
    </message>
    <message>
        <source>Frames missing from the video: {count}. Encoding was too slow; all rows are saved.</source>
        <translation>视频中缺失的帧数：{count}。编码太慢；所有行均已保存。</translation>
    </message>
    <message>
        <source>The disk of {path} does not keep up; analysed frames not written: {count}. Record to a faster disk, or without video.</source>
        <translation>{path} 所在的磁盘跟不上：有 {count} 个已分析的帧没有写入。请录到更快的磁盘，或不录视频。</translation>
    </message>
    <message>
        <source>{path} cannot be written ({why}) and will be tried again. No rows are lost. Close other programs that use the file.</source>
        <translation>{path} 无法写入（{why}），稍后会重试。数据行没有丢失。请关闭正在使用该文件的其他程序。</translation>
    </message>
    <message>
        <source>the disk is full</source>
        <translation>磁盘已满</translation>
    </message>
    <message>
        <source>the folder is gone</source>
        <translation>文件夹已不存在</translation>
    </message>
    <message>
        <source>the file was deleted</source>
        <translation>文件已被删除</translation>
    </message>
    <message>
        <source>another file has taken its place</source>
        <translation>另一个文件取代了它</translation>
    </message>
    <message>
        <source>There is no file {path}; check the path.</source>
        <translation>没有文件 {path}；请检查路径。</translation>
    </message>
    <message>
        <source>{path} cannot be read: {why}.</source>
        <translation>无法读取 {path}：{why}。</translation>
    </message>
    <message>
        <source>{path} is no regular file but a pipe, socket or device; give a file.</source>
        <translation>{path} 不是普通文件，而是管道、套接字或设备；请给出一个文件。</translation>
    </message>
    <message>
        <source>{path} is empty. Choose an image or video file.</source>
        <translation>{path} 是空的。请选择图片或视频文件。</translation>
    </message>
    <message>
        <source>{path} has more than {count} million pixels, which take too long; make it smaller first.</source>
        <translation>{path} 超过 {count} 百万像素，处理时间过长；请先缩小。</translation>
    </message>
    <message>
        <source>{path} is not a picture that can be read, or is cut off.</source>
        <translation>{path} 不是能够读取的图片，或不完整。</translation>
    </message>
    <message>
        <source>{path} holds {count} pictures; only the first is analysed.</source>
        <translation>{path} 中有 {count} 张图片；只分析第一张。</translation>
    </message>
    <message>
        <source>{path} has no picture in it; give a video.</source>
        <translation>{path} 中没有画面；请给出视频。</translation>
    </message>
    <message>
        <source>No picture of {path} can be decoded; it is damaged.</source>
        <translation>{path} 中没有能够解码的画面；文件已损坏。</translation>
    </message>
    <message>
        <source>{path} is stored in tiles, which are not read; save it as a JPEG or PNG.</source>
        <translation>{path} 以分块方式存储，无法读取；请另存为 JPEG 或 PNG。</translation>
    </message>
    <message>
        <source>{path} is a folder; give a video or picture file.</source>
        <translation>{path} 是文件夹；请给出视频或图片文件。</translation>
    </message>
    <message>
        <source>{path} is not a video or picture that can be read, or is damaged.</source>
        <translation>{path} 不是能够读取的视频或图片，或已损坏。</translation>
    </message>
    <message>
        <source>{path} breaks off after {seconds:.2f} s of {whole:.2f} s; what came before is kept.</source>
        <translation>{path} 在 {whole:.2f} 秒中的第 {seconds:.2f} 秒中断；之前的内容已保留。</translation>
    </message>
    <message>
        <source>{path} breaks off after {seconds:.2f} s; what came before is kept.</source>
        <translation>{path} 在 {seconds:.2f} 秒后中断；之前的内容已保留。</translation>
    </message>
    <message>
        <source>Damaged pictures of {path} were left out: {count}, the first at {seconds:.2f} s.</source>
        <translation>{path} 中有损坏的画面被略过：{count} 帧，第一帧在 {seconds:.2f} 秒。</translation>
    </message>
    <message>
        <source>No video can be written: PyAV here has no encoder for it.</source>
        <translation>无法写入视频：这里的 PyAV 没有相应的编码器。</translation>
    </message>
    <message>
        <source>The video has stopped: {path} cannot be written ({why}). The rows go on.</source>
        <translation>视频已停止：无法写入 {path}（{why}）。数据行继续记录。</translation>
    </message>
    <message>
        <source>The WebSocket needs the library websockets: pip install &apos;ferdesk[streams]&apos;.</source>
        <translation>WebSocket 需要 websockets 库:pip install &apos;ferdesk[streams]&apos;。</translation>
    </message>
    <message>
        <source>The WebSocket cannot listen on port {port} ({why}); choose another with --stream-port.</source>
        <translation>WebSocket 无法监听端口 {port}（{why}）；请用 --stream-port 选择另一个端口。</translation>
    </message>
    <message>
        <source>WebSocket: ws://{host}:{port}/?token={token} (this machine only).</source>
        <translation>WebSocket：ws://{host}:{port}/?token={token}（仅限本机）。</translation>
    </message>
    <message>
        <source>its port is no number</source>
        <translation>端口不是数字</translation>
    </message>
    <message>
        <source>it cannot be read</source>
        <translation>无法读懂</translation>
    </message>
    <message>
        <source>it names no host</source>
        <translation>其中没有主机名</translation>
    </message>
    <message>
        <source>{path} gives {given}; it has no mode {asked}.</source>
        <translation>{path} 给出 {given}；它没有 {asked} 这种模式。</translation>
    </message>
    <message>
        <source>pip install &apos;ferdesk[cuda]&apos; brings them</source>
        <translation>用 pip install &apos;ferdesk[cuda]&apos; 安装</translation>
    </message>
    <message>
        <source>there is no CUDA on macOS</source>
        <translation>macOS 上没有 CUDA</translation>
    </message>
    <message>
        <source>this package of ferdesk is the CPU build; for an NVIDIA GPU take the one for CUDA</source>
        <translation>此 ferdesk 软件包是 CPU 版；若有 NVIDIA GPU，请使用 CUDA 版</translation>
    </message>
    <message>
        <source>onnxruntime lies over onnxruntime-gpu, which alone has CUDA; pip uninstall onnxruntime onnxruntime-gpu, then pip install onnxruntime-gpu</source>
        <translation>onnxruntime 覆盖了唯一带有 CUDA 的 onnxruntime-gpu；请先 pip uninstall onnxruntime onnxruntime-gpu，再 pip install onnxruntime-gpu</translation>
    </message>
    <message>
        <source>the installed ONNX Runtime is the CPU build; pip uninstall onnxruntime, then pip install &apos;ferdesk[cuda]&apos;</source>
        <translation>安装的 ONNX Runtime 是 CPU 版本;请先 pip uninstall onnxruntime,再 pip install &apos;ferdesk[cuda]&apos;</translation>
    </message>
    <message>
        <source>no NVIDIA driver was found ({name} is missing); if this machine has an NVIDIA GPU, install its driver</source>
        <translation>没有找到 NVIDIA 驱动（缺少 {name}）；如果这台计算机有 NVIDIA GPU，请安装它的驱动</translation>
    </message>
    <message>
        <source>the NVIDIA driver sees no GPU</source>
        <translation>NVIDIA 驱动没有发现 GPU</translation>
    </message>
    <message>
        <source>the NVIDIA driver&apos;s parts have different versions; restart the machine</source>
        <translation>NVIDIA 驱动各部分的版本不一致；请重新启动计算机</translation>
    </message>
    <message>
        <source>the NVIDIA driver reports no usable GPU (code {status})</source>
        <translation>NVIDIA 驱动报告没有可用的 GPU（代码 {status}）</translation>
    </message>
    <message>
        <source>driver {oldest} or newer</source>
        <translation>{oldest} 或更新的驱动</translation>
    </message>
    <message>
        <source>a newer driver</source>
        <translation>更新的驱动</translation>
    </message>
    <message>
        <source>the NVIDIA driver is too old: it supports CUDA {major}.{minor} and ONNX Runtime {version} needs CUDA {cuda_major}; install {wanted}</source>
        <translation>NVIDIA 驱动太旧：它支持 CUDA {major}.{minor}，而 ONNX Runtime {version} 需要 CUDA {cuda_major}；请安装{wanted}</translation>
    </message>
    <message>
        <source>CUDA&apos;s libraries have the wrong version: CUDA {other} is installed and ONNX Runtime {version} needs CUDA {major}; {install}</source>
        <translation>CUDA 库的版本不对：已安装 CUDA {other}，而 ONNX Runtime {version} 需要 CUDA {major}；{install}</translation>
    </message>
    <message>
        <source>libraries of {what} are missing ({missing}); {install}</source>
        <translation>缺少 {what} 的库（{missing}）；{install}</translation>
    </message>
    <message>
        <source>CUDA failed: {line}</source>
        <translation>CUDA 失败：{line}</translation>
    </message>
    <message>
        <source>ONNX Runtime could not start CUDA and gave no reason; native.log may have it</source>
        <translation>ONNX Runtime 无法启动 CUDA，也没有给出原因；native.log 中或许有</translation>
    </message>
    <message>
        <source>{path} cannot be read: {why}. Installing ferdesk again brings it back.</source>
        <translation>无法读取 {path}：{why}。重新安装 ferdesk 即可恢复。</translation>
    </message>
    <message>
        <source>The model {path} is damaged: its content is not what ferdesk was shipped with. Installing ferdesk again brings it back.</source>
        <translation>模型 {path} 已损坏：其内容与 ferdesk 自带的不同。重新安装 ferdesk 即可恢复。</translation>
    </message>
    <message>
        <source>Something unexpected went wrong: {why}. The log file has the details.</source>
        <translation>发生了意外错误：{why}。详情见日志文件。</translation>
    </message>
    <message>
        <source>The source is back after {seconds:.1f} s without a picture.</source>
        <translation>来源在 {seconds:.1f} 秒没有画面之后恢复了。</translation>
    </message>
    <message>
        <source>The source has ended.</source>
        <translation>来源已结束。</translation>
    </message>
    <message>
        <source>{path} gives no picture any more; trying again.</source>
        <translation>{path} 不再有画面；正在重试。</translation>
    </message>
    <message>
        <source>{path} gives no picture any more; waiting for it.</source>
        <translation>{path} 不再有画面；正在等待。</translation>
    </message>
    <message>
        <source>The network now runs on the {provider}: {why}.</source>
        <translation>网络现在在 {provider} 上运行：{why}。</translation>
    </message>
    <message>
        <source>1 face</source>
        <translation>1 张人脸</translation>
    </message>
    <message>
        <source>{count} faces</source>
        <translation>{count} 张人脸</translation>
    </message>
    <message>
        <source>Using {name} ({time:.0f} ms for {faces}{others}); the camera&apos;s frame rate leaves {allowed:.0f} ms, which no model keeps.</source>
        <translation>正在使用 {name}（{faces}需 {time:.0f} 毫秒{others}）；按摄像头的帧率只有 {allowed:.0f} 毫秒，没有模型能跟上。</translation>
    </message>
    <message>
        <source>Using {name} ({time:.0f} ms for {faces}{others}).</source>
        <translation>正在使用 {name}（{faces}需 {time:.0f} 毫秒{others}）。</translation>
    </message>
    <message>
        <source>{name} did not open within {seconds:.0f} s; pull its plug and put it in again, or choose another source.</source>
        <translation>{name} 在 {seconds:.0f} 秒内没有打开；请拔下再插上，或选择另一个来源。</translation>
    </message>
    <message>
        <source>{name} was left before it was open.</source>
        <translation>{name} 还没有打开就被离开了。</translation>
    </message>
    <message>
        <source>{name} gives no picture any more.</source>
        <translation>{name} 不再有画面。</translation>
    </message>
    <message>
        <source>{name} does not open.</source>
        <translation>{name} 无法打开。</translation>
    </message>
    <message>
        <source>{name} failed: {why}. The log file has the details.</source>
        <translation>{name} 失败：{why}。详情见日志文件。</translation>
    </message>
    <message>
        <source>{path} is not a session: it lacks {file}.</source>
        <translation>{path} 不是会话：缺少 {file}。</translation>
    </message>
    <message>
        <source>{path} is being recorded right now; stop the recording first.</source>
        <translation>{path} 正在录制；请先停止录制。</translation>
    </message>
    <message>
        <source>{path} cannot be repaired: {why}.</source>
        <translation>无法修复 {path}：{why}。</translation>
    </message>
    <message>
        <source>{path} is not a session and contains none.</source>
        <translation>{path} 不是会话，其中也没有会话。</translation>
    </message>
    <message>
        <source>{path} is not a session&apos;s table; it is left as it is.</source>
        <translation>{path} 不是会话的数据表；该文件未作改动。</translation>
    </message>
    <message>
        <source>The marker file {path} cannot be read: {why}.</source>
        <translation>无法读取标记文件 {path}：{why}。</translation>
    </message>
    <message>
        <source>The marker file {path} is E-Prime&apos;s log; export the table from E-DataAid and give that.</source>
        <translation>标记文件 {path} 是 E-Prime 的日志；请从 E-DataAid 导出表格并使用该表格。</translation>
    </message>
    <message>
        <source>The marker file {path} has no lines; it needs a time and a label.</source>
        <translation>标记文件 {path} 没有任何行；每行需要时间和标签。</translation>
    </message>
    <message>
        <source>Line {number} of {path} has a quotation mark that is not closed, or one too many ({why}); mend the line.</source>
        <translation>{path} 的第 {number} 行有未闭合或多余的引号（{why}）；请修正该行。</translation>
    </message>
    <message>
        <source>The marker file {path} has no time and label that are known ({columns}). Give it a header with time and label, or name its columns, also by number: ferdesk sessions markers --time-column NAME --label-column NAME --unit ms.</source>
        <translation>在标记文件 {path} 中认不出时间和标签（{columns}）。请加上含 time 和 label 的表头，或指明列名（也可用列号）：ferdesk sessions markers --time-column NAME --label-column NAME --unit ms。</translation>
    </message>
    <message>
        <source>The marker file {path} is no text; save it as CSV and give that.</source>
        <translation>标记文件 {path} 不是文本；请另存为 CSV 后使用。</translation>
    </message>
    <message>
        <source>The marker file {path} cannot be read as {encoding!r}; such names are utf-8, utf-16, cp1252 and gbk.</source>
        <translation>标记文件 {path} 无法按 {encoding!r} 读取；编码名称如 utf-8、utf-16、cp1252 和 gbk。</translation>
    </message>
    <message>
        <source>The marker file {path} is not UTF-8; save it as “CSV UTF-8”, or say what it is: ferdesk sessions markers --encoding cp1252 (Excel in western Europe) or gbk (Excel in China).</source>
        <translation>标记文件 {path} 不是 UTF-8；请另存为“CSV UTF-8”，或指明编码：ferdesk sessions markers --encoding cp1252（西欧版 Excel）或 gbk（中文版 Excel）。</translation>
    </message>
    <message>
        <source>Line {number} of {path} has more than a time and a label, and there is no header. Put labels with a comma in quotation marks and times with a point, or name the columns: ferdesk sessions markers --time-column 1 --label-column 2 --unit s.</source>
        <translation>{path} 的第 {number} 行不止时间和标签两项，且没有表头。请把含逗号的标签放入引号、时间用小数点书写，或指明各列：ferdesk sessions markers --time-column 1 --label-column 2 --unit s。</translation>
    </message>
    <message>
        <source>It cannot be known whether the commas of {path} stand before labels or in numbers; give it a header: time,label.</source>
        <translation>无法判断 {path} 中的逗号是分隔标签还是小数点；请加上表头：time,label。</translation>
    </message>
    <message>
        <source>Line {number} of {path} has more columns than the header; put labels with a comma in quotation marks, and write times with a point.</source>
        <translation>{path} 的第 {number} 行的列数多于表头；请把含逗号的标签放入引号，时间用小数点书写。</translation>
    </message>
    <message>
        <source>A quotation mark in line {number} of {path} joins it with the lines behind it; write two where one is meant.</source>
        <translation>{path} 的第 {number} 行中的引号把该行与后面的行连在了一起；若要表示一个引号，请连写两个。</translation>
    </message>
    <message>
        <source>Line {number} of {path} has no time or no label.</source>
        <translation>{path} 第 {number} 行缺少时间或标签。</translation>
    </message>
    <message>
        <source>The marker file {path} has several recordings ({column}: {values}); make a file of the one that belongs to this session.</source>
        <translation>标记文件 {path} 含有多次记录（{column}：{values}）；请把属于本次记录的部分单独存为一个文件。</translation>
    </message>
    <message>
        <source>Line {number} of {path}: it cannot be known what the comma in {text!r} means; write times with a decimal point.</source>
        <translation>{path} 的第 {number} 行：无法判断 {text!r} 中逗号的含义；请用小数点书写时间。</translation>
    </message>
    <message>
        <source>The times of {path} may be milliseconds; say what they are: ferdesk sessions markers --unit ms or --unit s.</source>
        <translation>{path} 中的时间可能是毫秒；请指明单位：ferdesk sessions markers --unit ms 或 --unit s。</translation>
    </message>
    <message>
        <source>Line {number} of {path}: {text!r} may be a time of day or count from the session&apos;s start; if it counts, give ferdesk sessions markers --unit hms.</source>
        <translation>{path} 的第 {number} 行：{text!r} 可能是钟点，也可能从记录开始计时；若是后者，请使用 ferdesk sessions markers --unit hms。</translation>
    </message>
    <message>
        <source>Line {number} of {path}: {text!r} is not a time. Give seconds from the session&apos;s start, or a date like 2026-03-04T05:06:07.5Z with its zone.</source>
        <translation>{path} 第 {number} 行：{text!r} 不是时间。请给出从会话开始起的秒数，或带时区的日期，例如 2026-03-04T05:06:07.5Z。</translation>
    </message>
    <message>
        <source>The session {path} cannot be read: {why}.</source>
        <translation>无法读取会话 {path}：{why}。</translation>
    </message>
    <message>
        <source>The session {path} cannot be read: it is not a JSON object.</source>
        <translation>无法读取会话 {path}：其中没有表。</translation>
    </message>
    <message>
        <source>{path} cannot be read ({why}); it is kept as {kept} when you save.</source>
        <translation>无法读取 {path}（{why}）；保存时它会另存为 {kept}。</translation>
    </message>
    <message>
        <source>it is not a JSON object</source>
        <translation>它不是 JSON 对象</translation>
    </message>
    <message>
        <source>The review cannot be saved in {path}: {why}. What was saved before is still there.</source>
        <translation>无法把回看保存到 {path}：{why}。此前保存的内容仍在。</translation>
    </message>
    <message>
        <source>its rows belong to another</source>
        <translation>它的行属于另一条轨道</translation>
    </message>
    <message>
        <source>its faces are not in the session</source>
        <translation>它的人脸不在会话中</translation>
    </message>
    <message>
        <source>The track {id} of {file} is left out: {why}.</source>
        <translation>{file} 中的轨道 {id} 被略去：{why}。</translation>
    </message>
    <message>
        <source>The {kind}s of {file} cannot be read; they are left out.</source>
        <translation>无法读取 {file} 中的条目（{kind}）；它们被略去。</translation>
    </message>
    <message>
        <source>A {kind} of {file} cannot be read: {entry!r}.</source>
        <translation>无法读取 {file} 中的一个条目（{kind}）：{entry!r}。</translation>
    </message>
    <message>
        <source>{path} is empty; it does not have the columns of a session.</source>
        <translation>{path} 是空的；没有会话所需的列。</translation>
    </message>
    <message>
        <source>{path} does not have the columns of a session.</source>
        <translation>{path} 没有会话所需的列。</translation>
    </message>
    <message>
        <source>{path} is damaged: {why}.</source>
        <translation>{path} 已损坏：{why}。</translation>
    </message>
    <message>
        <source>The settings cannot be written to {path}: {why}.</source>
        <translation>无法把设置写入 {path}：{why}。</translation>
    </message>
    <message>
        <source>{path} contains no settings ({why}). Choose a file that ferdesk exported.</source>
        <translation>{path} 中没有设置（{why}）。请选择 ferdesk 导出的文件。</translation>
    </message>
    <message>
        <source>The setting &quot;{name}&quot; is not known and was ignored.</source>
        <translation>未知的设置“{name}”已被忽略。</translation>
    </message>
    <message>
        <source>The setting &quot;{name}&quot; must be {wanted}, not {value!r}; the default is used.</source>
        <translation>设置“{name}”必须是{wanted}，而不是 {value!r}；已使用默认值。</translation>
    </message>
    <message>
        <source>one of {choices}</source>
        <translation>{choices} 之一</translation>
    </message>
    <message>
        <source>true or false</source>
        <translation>true 或 false</translation>
    </message>
    <message>
        <source>a whole number</source>
        <translation>整数</translation>
    </message>
    <message>
        <source>a number from {low:g} to {high:g}</source>
        <translation>{low:g} 到 {high:g} 之间的数</translation>
    </message>
    <message>
        <source>a list of texts</source>
        <translation>文本列表</translation>
    </message>
    <message>
        <source>a text</source>
        <translation>文本</translation>
    </message>
    <message>
        <source>it was kept as {path}</source>
        <translation>原文件已另存为 {path}</translation>
    </message>
    <message>
        <source>it was left where it is</source>
        <translation>原文件留在原处</translation>
    </message>
    <message>
        <source>The settings file {path} cannot be read ({why}); {kept} and the defaults are used.</source>
        <translation>无法读取设置文件 {path}（{why}）；{kept}，已使用默认值。</translation>
    </message>
    <message>
        <source>{name!r} names no camera; write camera:0, camera:1, ...</source>
        <translation>{name!r} 不是摄像头；请写 camera:0、camera:1……</translation>
    </message>
    <message>
        <source>{path} cannot be opened as an address: {why}.</source>
        <translation>无法把 {path} 作为地址打开：{why}。</translation>
    </message>
    <message>
        <source>The folder {path} has no pictures in it; open its videos one by one.</source>
        <translation>文件夹 {path} 中没有图片；请逐个打开其中的视频。</translation>
    </message>
    <message>
        <source>The folder {path} has no pictures or videos in it.</source>
        <translation>文件夹 {path} 中没有图片或视频。</translation>
    </message>
    <message>
        <source>No model ships in {path}; give one with --model PATH.</source>
        <translation>{path} 中没有自带的模型；请用 --model PATH 指定一个。</translation>
    </message>
    <message>
        <source>There is no model {name!r}; there are {names}, or give a path.</source>
        <translation>没有模型 {name!r}；现有 {names}，或给出路径。</translation>
    </message>
    <message>
        <source>A session cannot be written to {path}: it is a file. Choose a folder.</source>
        <translation>无法把会话写入 {path}：它是一个文件。请选择一个文件夹。</translation>
    </message>
    <message>
        <source>There is no stream {kind!r}; there are lsl and websocket.</source>
        <translation>没有数据流 {kind!r}；可用的有 lsl 和 websocket。</translation>
    </message>
    <message>
        <source>There is no video {name!r}; there are {names}.</source>
        <translation>没有视频类型 {name!r}；可用的有 {names}。</translation>
    </message>
    <message>
        <source>Files cannot be analysed here; run ferdesk analyze {path}.</source>
        <translation>此处无法分析文件；请运行 ferdesk analyze {path}。</translation>
    </message>
    <message>
        <source>Nothing runs that could be recorded; press Start first.</source>
        <translation>没有正在运行、可以录制的来源；请先按“开始”。</translation>
    </message>
    <message>
        <source>it is a symbolic link; delete the link or choose another name</source>
        <translation>它是一个符号链接；请删除该链接或选择其他名称</translation>
    </message>
    <message>
        <source>it is not a regular file; choose another name</source>
        <translation>它不是普通文件；请选择其他名称</translation>
    </message>
    <message>
        <source>Summary statistics (CSV)</source>
        <translation>汇总统计（CSV）</translation>
    </message>
    <message>
        <source>Frame data (Parquet)</source>
        <translation>逐帧数据（Parquet）</translation>
    </message>
    <message>
        <source>Frame data, OpenFace format</source>
        <translation>逐帧数据，OpenFace 格式</translation>
    </message>
    <message>
        <source>Frame data, py-feat format</source>
        <translation>逐帧数据，py-feat 格式</translation>
    </message>
    <message>
        <source>Probabilities of the selected face over time</source>
        <translation>选中人脸的概率随时间的变化</translation>
    </message>
    <message>
        <source>The video has no frame here.</source>
        <translation>视频在此处没有画面。</translation>
    </message>
    <message>
        <source>No video frame here; showing the nearest one.</source>
        <translation>此处没有视频画面；显示最近的一帧。</translation>
    </message>
    <message>
        <source>No video was recorded; boxes show where faces were.</source>
        <translation>未录制视频；方框显示人脸所在位置。</translation>
    </message>
    <message>
        <source>The picture was not kept; boxes show where faces were.</source>
        <translation>未保存图片；方框显示面孔所在的位置。</translation>
    </message>
    <message>
        <source>This session has no data.</source>
        <translation>此会话没有数据。</translation>
    </message>
    <message>
        <source>Can&apos;t save the settings to {path}: {why}</source>
        <translation>无法将设置保存到 {path}：{why}</translation>
    </message>
    <message>
        <source>{path} is missing; install ferdesk again.</source>
        <translation>{path} 缺失；请重新安装 ferdesk。</translation>
    </message>
    <message>
        <source>Unexpected error; ferdesk keeps running.</source>
        <translation>发生意外错误；ferdesk 继续运行。</translation>
    </message>
    <message>
        <source>A report without images was saved for the developers.</source>
        <translation>已为开发者保存一份不含图像的报告。</translation>
    </message>
    <message>
        <source>ferdesk crashed last time. A report without images was saved for the developers.</source>
        <translation>ferdesk 上次异常退出。已为开发者保存一份不含图像的报告。</translation>
    </message>
    <message>
        <source>Unexpected error: {why}. See the log file for details.</source>
        <translation>意外错误：{why}。详情请查看日志文件。</translation>
    </message>
    <message>
        <source>Live video</source>
        <translation>实时画面</translation>
    </message>
    <message>
        <source>{factor:.0%} · double-click for the whole picture</source>
        <translation>{factor:.0%} · 双击显示整个画面</translation>
    </message>
    <message>
        <source>Can&apos;t save the face to {folder}: {why}.</source>
        <translation>无法将人脸保存到 {folder}：{why}。</translation>
    </message>
    <message>
        <source>Can&apos;t delete {path}: {why}.</source>
        <translation>无法删除 {path}：{why}。</translation>
    </message>
    <message>
        <source>Training needs PyTorch (pip install &quot;ferdesk[train]&quot;). Where it is installed, run this command:</source>
        <translation>训练需要 PyTorch（pip install &quot;ferdesk[train]&quot;）。在已安装 PyTorch 的环境中运行此命令：</translation>
    </message>
    <message>
        <source>Training cancelled.</source>
        <translation>训练已取消。</translation>
    </message>
    <message>
        <source>The marker file {path} has several columns {name}; give the number of one, from 1.</source>
        <translation>标记文件 {path} 有多个名为 {name} 的列；请给出其中一列的列号（从 1 开始）。</translation>
    </message>
    <message>
        <source>The marker file {path} is a table of {program}, and it cannot be known which columns are meant; name them: ferdesk sessions markers {options}. Times: {times}. Columns: {columns}.</source>
        <translation>标记文件 {path} 是 {program} 的表格，无法判断要用哪些列；请指明：ferdesk sessions markers {options}。时间列：{times}。各列：{columns}。</translation>
    </message>
    <message>
        <source>The marker file {path} has no single column of times ({columns}); name one: ferdesk sessions markers --time-column NAME.</source>
        <translation>标记文件 {path} 的时间列不唯一（{columns}）；请指明一列：ferdesk sessions markers --time-column NAME。</translation>
    </message>
    <message>
        <source>The marker file {path} has no column of labels that is known ({columns}); name one: ferdesk sessions markers --label-column NAME.</source>
        <translation>在标记文件 {path} 中认不出标签列（{columns}）；请指明一列：ferdesk sessions markers --label-column NAME。</translation>
    </message>
    <message>
        <source>The column {name} of {path} counts frames; export milliseconds and give those.</source>
        <translation>{path} 的列 {name} 以帧计数；请导出毫秒时间后使用。</translation>
    </message>
    <message>
        <source>The marker file {path} has no column {name}; it has {count}.</source>
        <translation>标记文件 {path} 没有第 {name} 列；它共有 {count} 列。</translation>
    </message>
    <message>
        <source>The unit of the times in column {name} of {path} cannot be known; give it: ferdesk sessions markers --unit s, ms, us or hms (hours:minutes:seconds).</source>
        <translation>无法得知 {path} 中列 {name} 的时间单位；请指明：ferdesk sessions markers --unit s、ms、us 或 hms（时:分:秒）。</translation>
    </message>
    <message>
        <source>{path} holds no times; {rate:g} pictures a second are assumed.</source>
        <translation>{path} 中没有时间信息；按每秒 {rate:g} 帧计算。</translation>
    </message>
    <message>
        <source>After {seconds:.2f} s the clock of {path} jumps by {step:+.2f} s; the time goes on by one usual step.</source>
        <translation>{path} 的时钟在 {seconds:.2f} 秒后跳变了 {step:+.2f} 秒；时间按一个正常步长继续。</translation>
    </message>
    <message>
        <source>The face model {path} cannot be loaded: {why}.</source>
        <translation>无法加载人脸模型 {path}：{why}。</translation>
    </message>
    <message>
        <source>MediaPipe&apos;s own detector cannot be loaded: {why}.</source>
        <translation>无法加载 MediaPipe 自带的检测器：{why}。</translation>
    </message>
    <message>
        <source>MediaPipe {version} cannot be kept from reporting its use; install mediapipe==1.2.3.</source>
        <translation>无法阻止 MediaPipe {version} 报告其使用情况；请安装 mediapipe==1.2.3。</translation>
    </message>
    <message>
        <source>MediaPipe is made for Python {first} to {last} and this is {here}; the detectors that ship with ferdesk need no extra.</source>
        <translation>MediaPipe 适用于 Python {first} 至 {last}，而当前为 {here}；ferdesk 自带的检测器不需要附加组件。</translation>
    </message>
    <message>
        <source>MediaPipe is not installed ({why}); install it with: pip install &apos;ferdesk[mediapipe]&apos;, or choose ferdesk&apos;s own detector.</source>
        <translation>未安装 MediaPipe（{why}）；请用 pip install &apos;ferdesk[mediapipe]&apos; 安装，或选择 ferdesk 自带的检测器。</translation>
    </message>
    <message>
        <source>MediaPipe is installed and cannot be used: {why}. Choose ferdesk&apos;s own detector.</source>
        <translation>已安装 MediaPipe，但无法使用：{why}。请选择 ferdesk 自带的检测器。</translation>
    </message>
    <message>
        <source>The network {path} cannot be loaded: {why}.</source>
        <translation>无法加载网络 {path}：{why}。</translation>
    </message>
    <message>
        <source>Pictures are no longer saved: {path} cannot be written ({why}). The rows go on.</source>
        <translation>图片不再保存：{path} 无法写入（{why}）。数据行继续记录。</translation>
    </message>
    <message>
        <source>None of the pictures in {path} can be read.</source>
        <translation>{path} 中没有可以读取的图片。</translation>
    </message>
    <message>
        <source>The picture {path} cannot be read.</source>
        <translation>图片 {path} 无法读取。</translation>
    </message>
    <message>
        <source>No window can open: for {system}, the system lacks {libraries}. Install: sudo apt-get install {packages}</source>
        <translation>无法打开窗口：{system} 缺少系统库 {libraries}。请安装：sudo apt-get install {packages}</translation>
    </message>
    <message>
        <source>No window can open: Qt&apos;s part for {system} cannot be loaded ({why}). Install the package that has it, or install ferdesk again.</source>
        <translation>无法打开窗口：无法加载 Qt 的 {system} 部分（{why}）。请安装含有它的软件包，或重新安装 ferdesk。</translation>
    </message>
    <message>
        <source>No window can open: {system} does not answer at {variable}={value}. Check that variable and your permission, or use ferdesk analyze, which needs no window.</source>
        <translation>无法打开窗口：{system} 在 {variable}={value} 处没有响应。请检查该变量和您的权限，或使用不需要窗口的 ferdesk analyze。</translation>
    </message>
    <message>
        <source>another program holds it</source>
        <translation>另一个程序正占用它</translation>
    </message>
    <message>
        <source>{path} has no landmarks; analyse with --measure and --landmarks.</source>
        <translation>{path} 没有关键点；请使用 --measure 和 --landmarks 分析。</translation>
    </message>
    <message>
        <source>The landmarks {path} cannot be read ({why}).</source>
        <translation>无法读取关键点文件 {path}（{why}）。</translation>
    </message>
    <message>
        <source>they have other columns</source>
        <translation>列不一致</translation>
    </message>
    <message>
        <source>now</source>
        <translation>当前</translation>
    </message>
    <message>
        <source>{time:g} s ago</source>
        <translation>{time:g} 秒前</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Points</source>
        <translation>点</translation>
    </message>
    <message>
        <source>Contours</source>
        <translation>轮廓</translation>
    </message>
    <message>
        <source>Mesh</source>
        <translation>网格</translation>
    </message>
    <message>
        <source>Too small to measure: move closer.</source>
        <translation>太小，无法测量：请靠近一些。</translation>
    </message>
    <message>
        <source>Not measured yet: other faces had their turn.</source>
        <translation>尚未测量：正轮到其他人脸。</translation>
    </message>
    <message>
        <source>Head</source>
        <translation>头部</translation>
    </message>
    <message>
        <source>Distance</source>
        <translation>距离</translation>
    </message>
    <message>
        <source>Gaze</source>
        <translation>视线</translation>
    </message>
    <message>
        <source>Blinks</source>
        <translation>眨眼</translation>
    </message>
    <message>
        <source>Movements</source>
        <translation>面部动作</translation>
    </message>
    <message>
        <source>Valence</source>
        <translation>效价</translation>
    </message>
    <message>
        <source>Not measured: the picture&apos;s edge cuts the face off.</source>
        <translation>未测量：人脸被画面边缘截断。</translation>
    </message>
    <message>
        <source>Not measured: another face overlaps this one.</source>
        <translation>未测量：与另一张人脸重叠。</translation>
    </message>
    <message>
        <source>Not measured: the head is turned away.</source>
        <translation>未测量：头部转开了。</translation>
    </message>
    <message>
        <source>Not measured: too dark. Put light on the face.</source>
        <translation>未测量：太暗。请照亮面部。</translation>
    </message>
    <message>
        <source>Not measured: something covers the face, or too little of it can be seen.</source>
        <translation>未测量：面部被遮挡，或可见部分太少。</translation>
    </message>
    <message>
        <source>Yaw: positive to the picture&apos;s right. Pitch: positive down. Roll: clockwise. Angles are of the recorded picture; a mirrored preview reverses yaw and roll.</source>
        <translation>偏航：向画面右侧为正。俯仰：向下为正。滚转：顺时针为正。角度以录制的画面为准；镜像预览中偏航与滚转方向相反。</translation>
    </message>
    <message>
        <source>For a common webcam and a head of average size</source>
        <translation>按普通摄像头和平均头部尺寸估计</translation>
    </message>
    <message>
        <source>An estimate, relative to the head: positive to the person&apos;s left and down</source>
        <translation>相对于头部的估计值：向本人左侧和向下为正</translation>
    </message>
    <message>
        <source>Known after ten seconds with open eyes, at seven measured frames a second or more</source>
        <translation>睁眼十秒之后才能得知，且每秒须至少测量七帧</translation>
    </message>
    <message>
        <source>The largest of 52, from 0 to 1</source>
        <translation>52 个动作中最大的几个，范围 0 到 1</translation>
    </message>
    <message>
        <source>Probability of happy minus the largest of angry, disgust, fear and sad</source>
        <translation>高兴的概率减去愤怒、厌恶、恐惧、悲伤中最大的概率</translation>
    </message>
    <message>
        <source>yaw {yaw:+.0f}°, pitch {pitch:+.0f}°, roll {roll:+.0f}°</source>
        <translation>偏航 {yaw:+.0f}°，俯仰 {pitch:+.0f}°，滚转 {roll:+.0f}°</translation>
    </message>
    <message>
        <source>{distance:.0f} cm</source>
        <translation>{distance:.0f} 厘米</translation>
    </message>
    <message>
        <source>yaw {yaw:+.0f}°, pitch {pitch:+.0f}°</source>
        <translation>偏航 {yaw:+.0f}°，俯仰 {pitch:+.0f}°</translation>
    </message>
    <message>
        <source>known after 10 s</source>
        <translation>10 秒后可知</translation>
    </message>
    <message>
        <source>{rate:.0f} a minute</source>
        <translation>每分钟 {rate:.0f} 次</translation>
    </message>
    <message>
        <source>Landmarks</source>
        <translation>面部关键点</translation>
    </message>
    <message>
        <source>Switch on Face measurements in the settings first.</source>
        <translation>请先在设置中开启“面部测量”。</translation>
    </message>
    <message>
        <source>Measures over time</source>
        <translation>测量值随时间变化</translation>
    </message>
    <message>
        <source>The model is locked for this study. Unlock it in the settings first.</source>
        <translation>模型已为本研究锁定。请先在设置中解锁。</translation>
    </message>
    <message>
        <source>By appearance: colours of face, hair and clothes. Nothing leaves this computer.</source>
        <translation>依据外观：面部、头发和衣服的颜色。数据不会离开这台电脑。</translation>
    </message>
    <message>
        <source>Same person</source>
        <translation>同一个人</translation>
    </message>
    <message>
        <source>Someone else</source>
        <translation>另一个人</translation>
    </message>
    <message>
        <source>Is {new} the same person as {earlier}?</source>
        <translation>{new} 与 {earlier} 是同一个人吗？</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>Position in the file</source>
        <translation>在文件中的位置</translation>
    </message>
    <message>
        <source>Progress of the analysis</source>
        <translation>分析进度</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>默认</translation>
    </message>
    <message>
        <source>Annotation begins at {time}; move to its end and press A again.</source>
        <translation>标注从 {time} 开始；移到终点后再按一次 A。</translation>
    </message>
    <message>
        <source>The annotation was given up.</source>
        <translation>已放弃该标注。</translation>
    </message>
    <message>
        <source>Annotation</source>
        <translation>标注</translation>
    </message>
    <message>
        <source>What do you see?</source>
        <translation>您看到了什么?</translation>
    </message>
    <message>
        <source>Session details</source>
        <translation>会话的详细信息</translation>
    </message>
    <message numerus="yes">
        <source>Details of %n sessions</source>
        <translation>
            <numerusform>%n 个会话的详细信息</numerusform>
        </translation>
    </message>
    <message>
        <source>They differ; left empty, each stays as it is</source>
        <translation>各不相同；留空则各自保持不变</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Another program changed the same faces of this session meanwhile. Yours are saved, its version is kept in {path}.</source>
        <translation>另一个程序同时更改了本会话中相同的人脸。您的更改已保存，它的版本保存在 {path}。</translation>
    </message>
    <message>
        <source>Another program changed this session&apos;s review meanwhile. Its changes are kept beside yours; open the session again to see them.</source>
        <translation>另一个程序同时更改了本会话的复核。它的更改与您的一并保留；重新打开会话即可看到。</translation>
    </message>
    <message>
        <source>Annotations on the timeline</source>
        <translation>时间轴上的标注</translation>
    </message>
    <message>
        <source>Annotations</source>
        <translation>标注</translation>
    </message>
    <message>
        <source>Guide</source>
        <translation>使用指南</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>返回</translation>
    </message>
    <message>
        <source>The guide is not installed here; ferdesk --help lists the commands.</source>
        <translation>此处未安装使用指南；ferdesk --help 会列出命令。</translation>
    </message>
    <message>
        <source>Report a problem</source>
        <translation>报告问题</translation>
    </message>
    <message>
        <source>Describe what you did, what you expected and what happened. Add the text below and, if you can, the newest files of the log folder. Neither has images; look through them before you send them. ferdesk itself sends nothing.</source>
        <translation>请描述您做了什么、期望什么以及发生了什么。附上下面的文字，并尽可能附上日志文件夹中最新的文件。它们都不含图像；发送前请先查看。ferdesk 本身不发送任何内容。</translation>
    </message>
    <message>
        <source>Facts about this computer</source>
        <translation>关于这台电脑的信息</translation>
    </message>
    <message>
        <source>Open log folder</source>
        <translation>打开日志文件夹</translation>
    </message>
    <message>
        <source>About ferdesk</source>
        <translation>关于 ferdesk</translation>
    </message>
    <message>
        <source>Real-time facial-expression recognition on your own computer. A label is a model&apos;s estimate, not what a person feels.</source>
        <translation>在您自己的电脑上进行实时面部表情识别。标签是模型的估计，并不代表人的感受。</translation>
    </message>
    <message>
        <source>Libraries</source>
        <translation>库</translation>
    </message>
    <message>
        <source>ferdesk is under the MIT licence.</source>
        <translation>ferdesk 采用 MIT 许可证。</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>文件(&amp;F)</translation>
    </message>
    <message>
        <source>&amp;Recording</source>
        <translation>录制(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;Playback</source>
        <translation>播放(&amp;P)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>视图(&amp;V)</translation>
    </message>
    <message>
        <source>F&amp;aces</source>
        <translation>人脸(&amp;A)</translation>
    </message>
    <message>
        <source>&amp;Queue</source>
        <translation>队列(&amp;Q)</translation>
    </message>
    <message>
        <source>Re&amp;view</source>
        <translation>回放(&amp;V)</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>帮助(&amp;H)</translation>
    </message>
    <message>
        <source>Open recent</source>
        <translation>打开最近使用的文件</translation>
    </message>
    <message>
        <source>A video with faces blurred has no sound, as a voice tells who speaks; choose another kind of video, or switch the sound off.</source>
        <translation>面部模糊的视频没有声音，因为声音会暴露说话的人；请选择其他类型的视频，或关闭声音。</translation>
    </message>
    <message>
        <source>No sound can be written: no encoder takes the {rate} Hz of the microphone {name}; choose another, or record without sound.</source>
        <translation>无法写入声音：没有编码器支持麦克风 {name} 的 {rate} Hz；请选择其他麦克风，或不录制声音。</translation>
    </message>
    <message>
        <source>The microphone {name} is gone; the video goes on without sound.</source>
        <translation>麦克风 {name} 已断开；视频继续录制，但没有声音。</translation>
    </message>
    <message>
        <source>Sound needs sounddevice and PortAudio: pip install &apos;ferdesk[sound]&apos;, on Linux also the system&apos;s libportaudio2. Or record without sound.</source>
        <translation>录音需要 sounddevice 和 PortAudio：pip install &apos;ferdesk[sound]&apos;，Linux 上还需要系统的 libportaudio2。或者不录音。</translation>
    </message>
    <message>
        <source>The microphone {name} cannot be opened ({why}); choose another, or record without sound.</source>
        <translation>无法打开麦克风 {name}（{why}）；请选择其他麦克风，或不录音。</translation>
    </message>
    <message>
        <source>The folder {path} cannot be used: {why}. Choose another one for the results.</source>
        <translation>无法使用文件夹 {path}：{why}。请为结果另选一个文件夹。</translation>
    </message>
    <message>
        <source>Another program is analysing {path} or has just finished it; try again later to open its session.</source>
        <translation>另一个程序正在分析或刚刚分析完 {path}；请稍后重试以打开其会话。</translation>
    </message>
    <message>
        <source>{path} is not empty; give a folder that is new.</source>
        <translation>{path} 不是空文件夹；请指定新文件夹。</translation>
    </message>
    <message>
        <source>The example cannot be written to {path}: {why}.</source>
        <translation>无法将示例写入 {path}：{why}。</translation>
    </message>
    <message>
        <source>The stimulus {name} is no {kind}: write kind = &quot;{other}&quot; or another file.</source>
        <translation>刺激 {name} 不是 {kind}：请写 kind = &quot;{other}&quot;，或换一个文件。</translation>
    </message>
    <message>
        <source>The stimulus {name} has no picture.</source>
        <translation>刺激 {name} 没有画面。</translation>
    </message>
    <message>
        <source>{text} names no LSL stream; write name=..., type=... or source_id=..., with a semicolon between them.</source>
        <translation>{text} 未指明 LSL 流；请写 name=...、type=... 或 source_id=...，并用分号分隔。</translation>
    </message>
    <message>
        <source>{path} is not empty; choose another folder with --out.</source>
        <translation>{path} 不是空文件夹；请用 --out 选择另一个文件夹。</translation>
    </message>
    <message>
        <source>{path}: {what}</source>
        <translation>{path}：{what}</translation>
    </message>
    <message>
        <source>{path}, {table}: {what}</source>
        <translation>{path}，{table}：{what}</translation>
    </message>
    <message>
        <source>there is no key {key!r}; known are {known}.</source>
        <translation>没有键 {key!r}；已知的有 {known}。</translation>
    </message>
    <message>
        <source>a table, as in [{key}]</source>
        <translation>表，如 [{key}]</translation>
    </message>
    <message>
        <source>an array of tables, as in [[{key}]]</source>
        <translation>表数组，如 [[{key}]]</translation>
    </message>
    <message>
        <source>at most {most} tables</source>
        <translation>最多 {most} 个表</translation>
    </message>
    <message>
        <source>letters without accents, digits, - _ and .</source>
        <translation>不带重音的字母、数字、- _ 和 .</translation>
    </message>
    <message>
        <source>a text of 1 to {longest} characters</source>
        <translation>1 到 {longest} 个字符的文本</translation>
    </message>
    <message>
        <source>a list of texts that differ, as in [&quot;a&quot;, &quot;b&quot;]</source>
        <translation>互不相同的文本列表，如 [&quot;a&quot;, &quot;b&quot;]</translation>
    </message>
    <message>
        <source>one of {names}</source>
        <translation>{names} 之一</translation>
    </message>
    <message>
        <source>a number from {least:g} to {most:g}</source>
        <translation>{least:g} 到 {most:g} 之间的数</translation>
    </message>
    <message>
        <source>a whole number from -1000 to 1000</source>
        <translation>-1000 到 1000 之间的整数</translation>
    </message>
    <message>
        <source>the file {name!r} cannot be read: {why}.</source>
        <translation>无法读取文件 {name!r}：{why}。</translation>
    </message>
    <message>
        <source>the file {name!r} lies outside of the study&apos;s folder; copy it there.</source>
        <translation>文件 {name!r} 在研究文件夹之外；请复制到其中。</translation>
    </message>
    <message>
        <source>there is no file {name!r} in the study&apos;s folder.</source>
        <translation>研究文件夹中没有文件 {name!r}。</translation>
    </message>
    <message>
        <source>the file {name!r} is empty or no picture; PNG, JPEG, BMP, GIF and WebP are.</source>
        <translation>文件 {name!r} 为空或不是图片；支持 PNG、JPEG、BMP、GIF 和 WebP。</translation>
    </message>
    <message>
        <source>the file {name!r} is empty.</source>
        <translation>文件 {name!r} 为空。</translation>
    </message>
    <message>
        <source>the key {key!r} is missing.</source>
        <translation>缺少键 {key!r}。</translation>
    </message>
    <message>
        <source>{key} must be {wanted}, not {value}.</source>
        <translation>{key} 必须是{wanted}，而不是 {value}。</translation>
    </message>
    <message>
        <source>{path} is no session of a study; leave it out.</source>
        <translation>{path} 不是研究的会话；请不要选它。</translation>
    </message>
    <message>
        <source>These sessions are of {number} studies ({names}); give those of one.</source>
        <translation>这些会话属于 {number} 个研究（{names}）；请只选其中一个研究的会话。</translation>
    </message>
    <message>
        <source>There is no session of a study.</source>
        <translation>没有研究的会话。</translation>
    </message>
    <message>
        <source>{path} cannot be read: trial {number} lies outside of the session.</source>
        <translation>无法读取 {path}：试次 {number} 不在该会话的时间范围内。</translation>
    </message>
    <message>
        <source>{path} cannot be read: {why}. A study is a folder with a study.toml.</source>
        <translation>无法读取 {path}：{why}。研究是含有 study.toml 的文件夹。</translation>
    </message>
    <message>
        <source>{path} is larger than any study file.</source>
        <translation>{path} 过大，不是研究文件。</translation>
    </message>
    <message>
        <source>{path} is not TOML: {why}.</source>
        <translation>{path} 不是 TOML：{why}。</translation>
    </message>
    <message>
        <source>the table [study] is missing.</source>
        <translation>缺少表 [study]。</translation>
    </message>
    <message>
        <source>there is no stimulus; add a table [[stimuli]].</source>
        <translation>没有刺激；请添加表 [[stimuli]]。</translation>
    </message>
    <message>
        <source>the id {id!r} is that of the baseline phase.</source>
        <translation>标识 {id!r} 已用于基线阶段。</translation>
    </message>
    <message>
        <source>neutral needs a duration_s of {least:g} at least.</source>
        <translation>neutral 要求 duration_s 至少为 {least:g}。</translation>
    </message>
    <message>
        <source>buttons must be 2 to 9 texts.</source>
        <translation>buttons 必须是 2 到 9 个文本。</translation>
    </message>
    <message>
        <source>highest must be greater than lowest, by {most} at most.</source>
        <translation>highest 必须大于 lowest，最多相差 {most}。</translation>
    </message>
    <message>
        <source>the id {id!r} stands twice among [[{key}]].</source>
        <translation>[[{key}]] 中 id {id!r} 重复。</translation>
    </message>
    <message>
        <source>The disk does not answer.</source>
        <translation>磁盘没有响应。</translation>
    </message>
    <message>
        <source>it ends before it begins</source>
        <translation>它的结束早于开始</translation>
    </message>
    <message>
        <source>it has other columns</source>
        <translation>列不同</translation>
    </message>
    <message>
        <source>it has too few columns</source>
        <translation>列太少</translation>
    </message>
    <message>
        <source>{path}, line {number}, cannot be read: {why}.</source>
        <translation>无法读取 {path} 第 {number} 行：{why}。</translation>
    </message>
    <message>
        <source>{text!r} is no number</source>
        <translation>{text!r} 不是数字</translation>
    </message>
    <message>
        <source>{text!r} is none of {names}</source>
        <translation>{text!r} 不是 {names} 之一</translation>
    </message>
    <message>
        <source>A video with faces blurred has no sound, as a voice tells who speaks.</source>
        <translation>面部模糊的视频没有声音，因为声音会暴露说话的人。</translation>
    </message>
    <message>
        <source>Everyone who can be heard has agreed</source>
        <translation>所有会被听到的人都已同意</translation>
    </message>
    <message>
        <source>System default</source>
        <translation>系统默认</translation>
    </message>
    <message>
        <source>Sound is saved in the video; choose one.</source>
        <translation>声音保存在视频中；请选择一种视频。</translation>
    </message>
    <message>
        <source>All frames</source>
        <translation>所有帧</translation>
    </message>
    <message>
        <source>Every n-th frame</source>
        <translation>每 n 帧取一帧</translation>
    </message>
    <message>
        <source>Frames per second</source>
        <translation>每秒帧数</translation>
    </message>
    <message>
        <source>Results folder</source>
        <translation>结果文件夹</translation>
    </message>
    <message>
        <source>Choose the results folder</source>
        <translation>选择结果文件夹</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>测量</translation>
    </message>
    <message>
        <source>Analyse again what is done</source>
        <translation>重新分析已完成的文件</translation>
    </message>
    <message>
        <source>Otherwise files that a session in the folder holds are skipped</source>
        <translation>否则跳过文件夹中已有会话的文件</translation>
    </message>
    <message>
        <source>The model is locked for this study.</source>
        <translation>本研究已锁定模型。</translation>
    </message>
    <message>
        <source>The options stay as they are until the queue ends.</source>
        <translation>队列结束之前选项保持不变。</translation>
    </message>
    <message>
        <source>Files to analyse</source>
        <translation>要分析的文件</translation>
    </message>
    <message>
        <source>Folder to analyse</source>
        <translation>要分析的文件夹</translation>
    </message>
    <message>
        <source>Stop the analysis?</source>
        <translation>停止分析？</translation>
    </message>
    <message>
        <source>Finished sessions are kept. Files in work are begun anew with the next start.</source>
        <translation>已完成的会话保留。正在处理的文件将在下次开始时重新分析。</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Files are being analysed.</source>
        <translation>正在分析文件。</translation>
    </message>
    <message>
        <source>Quitting stops it. Finished sessions are kept, and the queue goes on where it was.</source>
        <translation>退出会停止分析。已完成的会话保留，队列下次从中断处继续。</translation>
    </message>
    <message>
        <source>Stop and quit</source>
        <translation>停止并退出</translation>
    </message>
    <message>
        <source>The queue cannot be kept for the next start: {why}. It is tried again.</source>
        <translation>队列无法保留到下次启动：{why}。将会重试。</translation>
    </message>
    <message>
        <source>The queue is kept for the next start again.</source>
        <translation>队列又可以保留到下次启动了。</translation>
    </message>
    <message>
        <source>Analysis stopped; finished sessions are kept.</source>
        <translation>分析已停止；已完成的会话保留。</translation>
    </message>
    <message numerus="yes">
        <source>The queue has ended; %n files could not be analysed.</source>
        <translation>
            <numerusform>队列已结束；%n 个文件无法分析。</numerusform>
        </translation>
    </message>
    <message>
        <source>The queue has ended; all files are analysed.</source>
        <translation>队列已结束；所有文件均已分析。</translation>
    </message>
    <message>
        <source>Expressions</source>
        <translation>表情</translation>
    </message>
    <message>
        <source>Study report</source>
        <translation>研究报告</translation>
    </message>
    <message>
        <source>Rows with trials (CSV)</source>
        <translation>带试次的逐帧数据（CSV）</translation>
    </message>
    <message>
        <source>Rows with trials (Parquet)</source>
        <translation>带试次的逐帧数据（Parquet）</translation>
    </message>
    <message>
        <source>BIDS folder</source>
        <translation>BIDS 文件夹</translation>
    </message>
    <message>
        <source>Report and exports of {study}</source>
        <translation>{study} 的报告与导出</translation>
    </message>
    <message numerus="yes">
        <source>%n sessions were left out:</source>
        <translation>
            <numerusform>%n 个会话未被计入：</numerusform>
        </translation>
    </message>
    <message>
        <source>The LSL stream is searched for.</source>
        <translation>正在搜索 LSL 流。</translation>
    </message>
    <message>
        <source>Markers are taken from the LSL stream {stream}.</source>
        <translation>正在接收 LSL 流 {stream} 的标记。</translation>
    </message>
    <message>
        <source>The LSL stream {stream} has ended; it is waited for.</source>
        <translation>LSL 流 {stream} 已结束；正在等待它恢复。</translation>
    </message>
    <message>
        <source>Click to take no more.</source>
        <translation>单击可停止接收。</translation>
    </message>
    <message>
        <source>LSL markers</source>
        <translation>LSL 标记</translation>
    </message>
    <message>
        <source>Streams with markers</source>
        <translation>带标记的流</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Computer</source>
        <translation>计算机</translation>
    </message>
    <message>
        <source>Source id</source>
        <translation>源 ID</translation>
    </message>
    <message>
        <source>Use stream</source>
        <translation>使用该流</translation>
    </message>
    <message>
        <source>No stream</source>
        <translation>不使用流</translation>
    </message>
    <message>
        <source>Search again</source>
        <translation>重新搜索</translation>
    </message>
    <message>
        <source>Text or whole-number streams of other programs on this network. Their markers go into recordings at the moments that the programs gave them.</source>
        <translation>此网络上其他程序的文本流或整数流。它们的标记会按这些程序给出的时刻写入录制。</translation>
    </message>
    <message>
        <source>Searching…</source>
        <translation>正在搜索…</translation>
    </message>
    <message numerus="yes">
        <source>%n streams found.</source>
        <translation>
            <numerusform>找到 %n 个流。</numerusform>
        </translation>
    </message>
    <message>
        <source>No stream was found. Is the other program sending?</source>
        <translation>未找到流。另一个程序是否正在发送？</translation>
    </message>
    <message>
        <source>Another window keeps its queue; the queue of this one is not kept for the next start.</source>
        <translation>另一个窗口会保留其队列；此窗口的队列不会保留到下次启动。</translation>
    </message>
    <message numerus="yes">
        <source>%n files of the last queue are not analysed yet.</source>
        <translation>
            <numerusform>上次队列中还有 %n 个文件尚未分析。</numerusform>
        </translation>
    </message>
    <message>
        <source>Show queue</source>
        <translation>显示队列</translation>
    </message>
    <message>
        <source>Other programs may record and set markers here. Click to refuse commands.</source>
        <translation>其他程序可以在此录制并添加标记。单击可拒绝命令。</translation>
    </message>
    <message>
        <source>Last command: {command}</source>
        <translation>上一条命令：{command}</translation>
    </message>
    <message>
        <source>Commands</source>
        <translation>命令</translation>
    </message>
    <message>
        <source>Another program started the recording.</source>
        <translation>另一个程序开始了录制。</translation>
    </message>
    <message>
        <source>Another program stopped the recording.</source>
        <translation>另一个程序停止了录制。</translation>
    </message>
    <message>
        <source>Participant from another program: {text}</source>
        <translation>来自另一个程序的参与者：{text}</translation>
    </message>
    <message>
        <source>Condition from another program: {text}</source>
        <translation>来自另一个程序的条件：{text}</translation>
    </message>
    <message>
        <source>Stop the study</source>
        <translation>停止研究</translation>
    </message>
    <message>
        <source>One moment…</source>
        <translation>请稍候…</translation>
    </message>
    <message>
        <source>The program was closed.</source>
        <translation>程序已关闭。</translation>
    </message>
    <message>
        <source>A recording is running; stop it first.</source>
        <translation>正在录制；请先停止。</translation>
    </message>
    <message>
        <source>A study is recorded from a camera; choose one as the source.</source>
        <translation>研究须由摄像头录制；请选择摄像头作为来源。</translation>
    </message>
    <message>
        <source>Start the camera first.</source>
        <translation>请先启动摄像头。</translation>
    </message>
    <message>
        <source>The recording does not begin; see the camera.</source>
        <translation>录制未能开始；请检查摄像头。</translation>
    </message>
    <message>
        <source>The recording was stopped.</source>
        <translation>录制已停止。</translation>
    </message>
    <message>
        <source>Study: stimulus {number} of {count} ({name})</source>
        <translation>研究：第 {number} 个刺激，共 {count} 个（{name}）</translation>
    </message>
    <message numerus="yes">
        <source>No neutral baseline was taken: %n faces were seen.</source>
        <translation>
            <numerusform>未记录中性基线：看到 %n 张人脸。</numerusform>
        </translation>
    </message>
    <message>
        <source>Stop the study? It can go on later at the next stimulus.</source>
        <translation>停止研究吗？之后可从下一个刺激继续。</translation>
    </message>
    <message>
        <source>The participant&apos;s screen was disconnected; the study waits on this one.</source>
        <translation>被试屏幕已断开；研究在此屏幕上等待。</translation>
    </message>
    <message>
        <source>The screen was disconnected. Go on here?</source>
        <translation>屏幕已断开。在此继续吗？</translation>
    </message>
    <message>
        <source>Study finished: {shown} of {count} stimuli were shown.</source>
        <translation>研究完成：已呈现 {shown} 个刺激（共 {count} 个）。</translation>
    </message>
    <message>
        <source>The study ended after {shown} of {count} stimuli; start it again with the same code to go on at the next one.</source>
        <translation>研究在 {shown} 个刺激后结束（共 {count} 个）；用同一编号再次开始，即可从下一个继续。</translation>
    </message>
    <message>
        <source>Run a study</source>
        <translation>运行研究</translation>
    </message>
    <message>
        <source>Folder of the study</source>
        <translation>研究文件夹</translation>
    </message>
    <message>
        <source>A folder with a study.toml</source>
        <translation>含有 study.toml 的文件夹</translation>
    </message>
    <message>
        <source>A code, no name: e.g. P07</source>
        <translation>编号，而非姓名：例如 P07</translation>
    </message>
    <message>
        <source>Screen of the participant</source>
        <translation>被试屏幕</translation>
    </message>
    <message>
        <source>Record again as a second session</source>
        <translation>重新录制，作为第二个会话</translation>
    </message>
    <message>
        <source>The participant has agreed to be recorded, with sound</source>
        <translation>参与者已同意被录制（包括声音）</translation>
    </message>
    <message>
        <source>The participant has agreed to be recorded</source>
        <translation>被试已同意被录制</translation>
    </message>
    <message>
        <source>Enter the participant&apos;s code.</source>
        <translation>请输入被试编号。</translation>
    </message>
    <message>
        <source>Choose the condition.</source>
        <translation>请选择条件。</translation>
    </message>
    <message>
        <source>Fill in “{label}”.</source>
        <translation>请填写“{label}”。</translation>
    </message>
    <message>
        <source>“{label}” must be a number.</source>
        <translation>“{label}”必须是数字。</translation>
    </message>
    <message>
        <source>This code was used before: choose how to go on, or enter another one.</source>
        <translation>此编号已被使用：请选择如何继续，或输入其他编号。</translation>
    </message>
    <message>
        <source>Record with the participant&apos;s consent only.</source>
        <translation>仅在被试同意后录制。</translation>
    </message>
    <message>
        <source>Choose the folder of a study.</source>
        <translation>请选择研究文件夹。</translation>
    </message>
    <message>
        <source>The stimuli are being checked…</source>
        <translation>正在检查刺激…</translation>
    </message>
    <message>
        <source>Screen {number}: {width}x{height}, {rate:.0f} Hz</source>
        <translation>屏幕 {number}：{width}x{height}，{rate:.0f} Hz</translation>
    </message>
    <message>
        <source>{screen} (this one)</source>
        <translation>{screen}（当前屏幕）</translation>
    </message>
    <message>
        <source>Videos are shown without their sound: {names}.</source>
        <translation>以下视频播放时没有声音：{names}。</translation>
    </message>
    <message>
        <source>{code} took part before and has seen all {count} stimuli.</source>
        <translation>{code} 曾参加过，已看完全部 {count} 个刺激。</translation>
    </message>
    <message>
        <source>{code} took part before, up to stimulus {number} of {count}.</source>
        <translation>{code} 曾参加过，进行到第 {number} 个刺激（共 {count} 个）。</translation>
    </message>
    <message>
        <source>Continue at stimulus {number}</source>
        <translation>从第 {number} 个刺激继续</translation>
    </message>
    <message>
        <source>Screen</source>
        <translation>屏幕</translation>
    </message>
    <message>
        <source>Start the study</source>
        <translation>开始研究</translation>
    </message>
    <message>
        <source>Preview without recording</source>
        <translation>预览（不录制）</translation>
    </message>
    <message>
        <source>the same order for everybody</source>
        <translation>所有人顺序相同</translation>
    </message>
    <message>
        <source>a random order by the code</source>
        <translation>按编号随机排序</translation>
    </message>
    <message>
        <source>a Latin square over participants</source>
        <translation>被试间拉丁方</translation>
    </message>
    <message numerus="yes">
        <source>%n stimuli</source>
        <translation>
            <numerusform>%n 个刺激</numerusform>
        </translation>
    </message>
    <message>
        <source>{name}: {count}, {order}</source>
        <translation>{name}：{count}，{order}</translation>
    </message>
    <message>
        <source>at least {time} min</source>
        <translation>至少 {time} 分钟</translation>
    </message>
    <message>
        <source>Press Space to continue.</source>
        <translation>按空格键继续。</translation>
    </message>
    <message>
        <source>This is the end. Thank you for taking part.</source>
        <translation>到此结束。感谢您的参与。</translation>
    </message>
    <message>
        <source>Press Space to close.</source>
        <translation>按空格键关闭。</translation>
    </message>
    <message>
        <source>The file has no picture.</source>
        <translation>文件中没有画面。</translation>
    </message>
    <message numerus="yes">
        <source>%n pictures came too late and were left out.</source>
        <translation>
            <numerusform>%n 帧画面来得太晚，已略去。</numerusform>
        </translation>
    </message>
    <message>
        <source>Pictures were up to {seconds:.1f} s late.</source>
        <translation>画面最多延迟 {seconds:.1f} 秒。</translation>
    </message>
    <message>
        <source>The study was held for {seconds:.1f} s meanwhile.</source>
        <translation>期间研究暂停了 {seconds:.1f} 秒。</translation>
    </message>
    <message>
        <source>None of the sessions can be read.</source>
        <translation>所有会话都无法读取。</translation>
    </message>
    <message>
        <source>None of the sessions of {name} can be read.</source>
        <translation>{name} 的所有会话都无法读取。</translation>
    </message>
</context>
<context>
    <name>QPlatformTheme</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
</TS>
